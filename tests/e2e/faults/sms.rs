//! What goes wrong at SMS and on the way to it.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::join_all;
use k8s_openapi::jiff::SignedDuration;
use serde_json::json;
use sms_simulator::{
    BadCertificate, Config, DropKind, Effect, ErrorBody, PageEdit, Seconds, Simulator, Transport,
};

use super::{
    BY_ITSELF, Row,
    Seen::{self, Nothing, Reconciling, Stalled},
    before, begin, move_on, shows_the_move, until_healed, until_seen,
};
use crate::harness::{Stage, Switch, Way};

/// How a fault is made.
pub(super) enum Make {
    /// What SMS does with every request.
    Does(Effect),
    /// Where the address leads.
    Leads(fn() -> Way),
    /// SMS's clock goes so many minutes ahead.
    ClockAhead(i64),
    /// The address leads to a server with a certificate that is bad, or of an authority that isn't known.
    Certificate(Option<BadCertificate>),
    /// Requests are led to another host.
    Redirect,
}
use Make::{Certificate, ClockAhead, Does, Leads, Redirect};

/// Its pause is longer than a test, and ends with the process.
pub(super) const ABSURD: Row = Row {
    fault: "429 with a Retry-After of years",
    seen: Reconciling("Throttled"),
    heals: "by itself after 15 minutes, or when the operator is restarted",
};

const MINUTE: &str = "by itself, within a minute or so";

/// All of them.
pub(super) fn rows() -> Vec<(Row, Make)> {
    let all = connections().into_iter().chain(answers());
    all.map(|(fault, seen, heals, make)| (Row { fault, seen, heals }, make)).collect()
}

/// What goes wrong, what is seen, what ends it, how it is made.
type Cells = (&'static str, Seen, &'static str, Make);

fn connections() -> Vec<Cells> {
    let hour = Seconds::new(3600);
    vec![
        ("no connection", Reconciling("EndpointUnreachable"), BY_ITSELF, Leads(|| Way::Refused)),
        ("answers take two seconds", Nothing, "-", Does(Effect::Delay(Seconds::new(2)))),
        ("no answer", Reconciling("EndpointUnreachable"), BY_ITSELF, Does(Effect::Delay(hour))),
        (
            "an answer that stops in the middle",
            Reconciling("EndpointUnreachable"),
            BY_ITSELF,
            Does(Effect::StallBody { after: 40, seconds: hour }),
        ),
        (
            "connections are reset",
            Reconciling("EndpointUnreachable"),
            BY_ITSELF,
            Does(Effect::Drop(DropKind::Reset)),
        ),
        (
            "connections are closed without an answer",
            Reconciling("EndpointUnreachable"),
            BY_ITSELF,
            Does(Effect::Drop(DropKind::Close)),
        ),
        (
            "connections end in the middle of an answer",
            Reconciling("EndpointUnreachable"),
            BY_ITSELF,
            Does(Effect::CutBody { after: 40, drop: DropKind::Close }),
        ),
        ("an expired certificate", Stalled("TLSFailed"), MINUTE, Certificate(Some(BadCertificate::Expired))),
        (
            "a certificate for another name",
            Stalled("TLSFailed"),
            MINUTE,
            Certificate(Some(BadCertificate::OtherName)),
        ),
        ("a certificate of an unknown authority", Stalled("TLSFailed"), MINUTE, Certificate(None)),
        ("clocks 20 minutes apart", Reconciling("ClockSkew"), MINUTE, ClockAhead(20)),
    ]
}

fn answers() -> Vec<Cells> {
    let gateway = |code: &str| ErrorBody::Gateway { code: code.into(), message: "text".into() };
    let sms = |code: &str| ErrorBody::Sms { code: code.into(), message: "text".into() };
    vec![
        (
            "HTML in place of JSON",
            Reconciling("InvalidResponse"),
            BY_ITSELF,
            Does(Effect::respond(200, ErrorBody::Html)),
        ),
        (
            "401",
            Stalled("CredentialsInvalid"),
            "by itself after a minute or more, within seconds of a change of the Secret",
            Does(Effect::respond(401, gateway("APIGW.0301"))),
        ),
        (
            "403 of SMS",
            Stalled("AccessDenied"),
            "by itself after a minute or more, within seconds of a change of the Secret",
            Does(Effect::respond(403, sms("SMS.9004"))),
        ),
        (
            "403 of a proxy, in HTML",
            Reconciling("InvalidResponse"),
            BY_ITSELF,
            Does(Effect::respond(403, ErrorBody::Html)),
        ),
        ("404", Reconciling("InvalidResponse"), BY_ITSELF, Does(Effect::respond(404, gateway("APIGW.0101")))),
        ("409", Reconciling("InvalidResponse"), BY_ITSELF, Does(Effect::respond(409, gateway("APIGW.0409")))),
        (
            "429 with Retry-After",
            Reconciling("Throttled"),
            "by itself, after what it asks for, at most 15 minutes",
            Does(Effect::throttle(Some("5"))),
        ),
        ("429 without Retry-After", Reconciling("Throttled"), MINUTE, Does(Effect::throttle(None))),
        (
            "429 with a Retry-After that is no time",
            Reconciling("Throttled"),
            MINUTE,
            Does(Effect::throttle(Some("-1 soon"))),
        ),
        ("500", Reconciling("ServerError"), BY_ITSELF, Does(Effect::respond(500, sms("SMS.6301")))),
        ("502", Reconciling("ServerError"), BY_ITSELF, Does(Effect::respond(502, ErrorBody::Html))),
        (
            "503",
            Reconciling("ServerError"),
            BY_ITSELF,
            Does(Effect::Respond {
                status: 503,
                headers: BTreeMap::from([("Retry-After".to_owned(), "3".to_owned())]),
                body: ErrorBody::Html,
            }),
        ),
        ("504", Reconciling("ServerError"), BY_ITSELF, Does(Effect::respond(504, gateway("APIGW.0201")))),
        (
            "JSON that ends too early",
            Reconciling("InvalidResponse"),
            BY_ITSELF,
            Does(Effect::TruncateJson { keep: 200 }),
        ),
        ("64 MB of blanks, gzipped to a hundredth", Reconciling("InvalidResponse"), BY_ITSELF, Leads(bomb)),
        ("an answer of 1 GB", Reconciling("InvalidResponse"), BY_ITSELF, Leads(flood)),
        ("a wrong count of tasks", Reconciling("ListIncomplete"), BY_ITSELF, Does(Effect::wrong_count(2))),
        (
            "pages that lack tasks",
            Reconciling("ListIncomplete"),
            BY_ITSELF,
            Does(Effect::Page(PageEdit::Shorten(1))),
        ),
        (
            "pages that repeat tasks",
            Reconciling("ListIncomplete"),
            BY_ITSELF,
            Does(Effect::Page(PageEdit::Duplicate)),
        ),
        (
            "a redirect to another host, which is never followed",
            Reconciling("InvalidResponse"),
            BY_ITSELF,
            Redirect,
        ),
    ]
}

fn bomb() -> Way {
    let body = sms_simulator::gzip(&vec![b' '; 64 << 20]).unwrap();
    assert!(body.len() < 1 << 20);
    Way::Answer { headers: "Content-Encoding: gzip\r\n".to_owned(), body: Arc::new(body), times: 1 }
}

fn flood() -> Way {
    Way::Answer { headers: String::new(), body: Arc::new(vec![b' '; 1 << 20]), times: 1 << 10 }
}

/// An SMS behind an address that can lead elsewhere.
struct Place {
    name: String,
    row: Row,
    make: Make,
    sms: Simulator,
    switch: Switch,
    /// Where requests may be led to.
    other: Simulator,
}

impl Place {
    async fn new(number: usize, row: Row, make: Make) -> Self {
        let (transport, bad) = match &make {
            Certificate(bad) => {
                let bad = bad.map_or_else(Transport::local_https, Transport::BadHttps);
                (Transport::local_https(), bad)
            }
            _ => (Transport::Http, Transport::Http),
        };
        let sms = Simulator::start(Config { tasks: before(), transport, ..Config::default() }).await.unwrap();
        let other = Simulator::start(Config { transport: bad, ..Config::default() }).await.unwrap();
        let switch = Switch::new(Way::To(address(&sms)));
        Self { name: format!("fault-{number:02}"), row, make, sms, switch, other }
    }

    fn endpoint(&self) -> String {
        let scheme = if matches!(self.make, Certificate(_)) { "https" } else { "http" };
        format!("{scheme}://{}", self.switch.address())
    }

    /// The authorities that the operator is to know.
    fn authorities(&self) -> String {
        match self.make {
            Certificate(Some(_)) => {
                [&self.sms, &self.other].into_iter().filter_map(Simulator::ca_pem).collect()
            }
            _ => self.sms.ca_pem().unwrap_or_default().to_owned(),
        }
    }

    fn spoil(&self) {
        match &self.make {
            Does(effect) => drop(self.sms.faults().add(effect.clone())),
            Leads(way) => self.switch.set(way()),
            ClockAhead(minutes) => self.sms.clock().set_offset(SignedDuration::from_mins(*minutes)),
            Certificate(_) => self.switch.set(Way::To(address(&self.other))),
            Redirect => {
                let location = format!("{}/v3/tasks", self.other.endpoint());
                self.sms.faults().add(Effect::redirect(location));
            }
        }
    }

    fn heal(&self) {
        self.sms.faults().clear();
        self.sms.clock().set_offset(SignedDuration::ZERO);
        self.switch.set(Way::To(address(&self.sms)));
    }

    async fn play(&self, stage: &Stage) {
        stage.apply(&self.name, json!({"endpoint": self.endpoint()})).await.unwrap();
        begin(stage, &self.name).await;
        self.spoil();
        move_on(&self.sms);
        if self.row.seen == Nothing {
            stage.until(&self.name, shows_the_move).await;
        }
        until_seen(stage, &self.name, &self.row).await;
        self.heal();
        stage.request(&self.name, "healed").await;
        until_healed(stage, &self.name, &self.row).await;
        assert_eq!(self.other.requests().counters().requests, 0, "{}", self.row.fault);
    }
}

fn address(sms: &Simulator) -> SocketAddr {
    sms.endpoint().rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sms_does_is_said_and_heals() {
    let stage = Stage::new("faults", Vec::new()).await;
    let places = rows().into_iter().enumerate().map(|(number, (row, make))| Place::new(number, row, make));
    let places = join_all(places).await;
    let file = stage.log().with_file_name("authorities.pem");
    std::fs::write(&file, places.iter().map(Place::authorities).collect::<String>()).unwrap();
    let allowed = "http://127.0.0.1:*,https://127.0.0.1:*";
    let _operator =
        stage.operator_with(&["--allowed-endpoints", allowed, "--ca-file", file.to_str().unwrap()], &[]);
    join_all(places.iter().map(|place| place.play(&stage))).await;
}

#[tokio::test]
async fn a_pause_of_years_ends_with_the_process() {
    let stage = Stage::new("absurd", before()).await;
    let operator = stage.operator();
    stage.apply("wave-1", json!({})).await.unwrap();
    begin(&stage, "wave-1").await;
    stage.sms.faults().add(Effect::throttle(Some("999999999")));
    let asked = stage.sms.requests().count(|_| true);
    move_on(&stage.sms);
    until_seen(&stage, "wave-1", &ABSURD).await;
    // It is left alone, whoever asks.
    stage.request("wave-1", "impatient").await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let message = stage.message("wave-1").await;
    assert!(message.contains("tried again when that is over, after 15m at most"), "{message}");
    let refused = stage.sms.requests().count(|_| true) - asked;
    assert!(refused <= 2, "{refused} requests");
    stage.sms.faults().clear();
    operator.kill();
    let _operator = stage.operator();
    until_healed(&stage, "wave-1", &ABSURD).await;
}
