//! From what a Secret holds to credentials: tokens for passwords, ids that are looked up, one request for all.

use futures::future::join_all;
use migration_task_watch::{
    core::{
        endpoint::{Endpoint, Region},
        failure::{Failure, FailureKind},
        plan::Iam,
    },
    sms::{Client, Error, ListTarget, Listing, Login},
};
use sms_simulator::{Account, Action, Config, Effect, ErrorBody, Fault, Simulator, Trigger};

use crate::support::{client, list_with, login, options, tasks};

const TOKENS: &str = "/v3/auth/tokens";
const DOMAINS: &str = "/v3/auth/domains";
const PROJECTS: &str = "/v3/projects";
const TASKS: &str = "/v3/tasks";
const TOGETHER: usize = 20;

struct Stage {
    simulator: Simulator,
    client: Client,
    account: Account,
    target: ListTarget,
}

impl Stage {
    async fn new() -> Self {
        let account = Account::default().with_user("watcher", "the password");
        let config = Config { accounts: vec![account.clone()], tasks: tasks(3), ..Config::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let endpoint = Endpoint::parse(&simulator.endpoint()).unwrap();
        let target = ListTarget {
            iam: Ok(Iam { endpoint: endpoint.clone(), otherwise: None }),
            endpoint,
            enterprise_project_id: None,
            region: Some(Region::parse("cn-north-4").unwrap()),
        };
        Self { simulator, client: client(options()), account, target }
    }

    fn asked(&self, path: &str) -> usize {
        self.simulator.requests().count(|record| record.path == path)
    }

    fn user(&self, password: &str) -> Login {
        let domain = self.account.domain_name.as_str();
        login(&[("username", "watcher"), ("password", password), ("domainName", domain)])
    }

    fn keys(&self, more: (&str, &str)) -> Login {
        let key = &self.account.access_keys[0];
        login(&[("accessKey", key.id.as_str()), ("secretKey", key.secret.as_str()), more])
    }

    async fn list(&self, login: &Login) -> Result<Listing, Error> {
        list_with(&self.client, &self.target, login).await
    }

    /// As many watches do.
    async fn list_together(&self, login: &Login) -> Vec<Result<Listing, Failure>> {
        let listings = join_all((0..TOGETHER).map(|_| self.list(login))).await;
        listings.into_iter().map(|listing| listing.map_err(|error| Failure::from(&error))).collect()
    }

    async fn must_fail(&self, login: &Login) -> Failure {
        Failure::from(&self.list(login).await.expect_err("must fail"))
    }
}

#[tokio::test]
async fn a_password_gets_one_token_for_all() {
    let stage = Stage::new().await;
    let user = stage.user("the password");
    for listing in stage.list_together(&user).await {
        assert_eq!(listing.unwrap().tasks.len(), 3);
    }
    stage.list(&user).await.unwrap();
    assert_eq!((stage.asked(TOKENS), stage.asked(TASKS)), (1, TOGETHER + 1));
}

#[tokio::test]
async fn tokens_of_projects_open_the_account_too() {
    let stage = Stage::new().await;
    let project = stage.account.projects[0].clone();
    let domain = stage.account.domain_name.as_str();
    for scope in [("projectId", project.id.as_str()), ("projectName", project.name.as_str())] {
        let user =
            login(&[("username", "watcher"), ("password", "the password"), ("domainName", domain), scope]);
        stage.list(&user).await.unwrap();
    }
    let unknown = [
        ("username", "watcher"),
        ("password", "the password"),
        ("domainName", domain),
        ("projectName", "mars-1"),
    ];
    let failure = stage.must_fail(&login(&unknown)).await;
    assert_eq!(failure.kind, FailureKind::CredentialsInvalid);
    assert!(failure.message.contains("the project in the Secret"), "{}", failure.message);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all() {
    let stage = Stage::new().await;
    let user = stage.user("the password");
    stage.list(&user).await.unwrap();
    for round in 2..4 {
        stage.simulator.accounts().revoke_tokens(&stage.account.domain_id);
        for listing in stage.list_together(&user).await {
            listing.unwrap();
        }
        assert_eq!(stage.asked(TOKENS), round);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_at_once_is_not_renewed_again_and_again() {
    let stage = Stage::new().await;
    let body = ErrorBody::Gateway { code: "APIGW.0301".into(), message: "refused".into() };
    let when = Trigger { path: Some(TASKS.into()), ..Trigger::default() };
    stage.simulator.faults().add(Fault { when, effect: Effect::respond(401, body) });
    let user = stage.user("the password");
    for listing in stage.list_together(&user).await {
        assert_eq!(listing.unwrap_err().kind, FailureKind::CredentialsInvalid);
    }
    assert!(
        stage.asked(TOKENS) <= 2 && stage.asked(TASKS) <= 2,
        "{:?}",
        stage.simulator.requests().counters()
    );
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let stage = Stage::new().await;
    let wrong = stage.user("MARKERPASSWORD");
    for _ in 0..3 {
        for listing in stage.list_together(&wrong).await {
            let failure = listing.unwrap_err();
            assert_eq!(failure.kind, FailureKind::CredentialsInvalid);
            assert!(failure.needs_a_person);
            assert!(failure.message.contains("Check username, password, domainName"), "{}", failure.message);
            assert!(failure.request_id.is_some());
        }
    }
    assert_eq!((stage.asked(TOKENS), stage.asked(TASKS)), (1, 0));
    // The right one isn't held up by that.
    stage.list(&stage.user("the password")).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_is_noticed_when_its_tokens_are_refused() {
    let stage = Stage::new().await;
    let user = stage.user("the password");
    stage.list(&user).await.unwrap();
    stage.simulator.accounts().set_password(&stage.account.domain_id, "watcher", "another password");
    assert_eq!(stage.must_fail(&user).await.kind, FailureKind::CredentialsInvalid);
    stage.list(&stage.user("another password")).await.unwrap();
    assert_eq!(stage.asked(TOKENS), 3);
}

#[tokio::test]
async fn ids_are_looked_up_once_and_sent() {
    let stage = Stage::new().await;
    for (more, path) in [(("domainId", "auto"), DOMAINS), (("projectId", "auto"), PROJECTS)] {
        for listing in stage.list_together(&stage.keys(more)).await {
            listing.unwrap();
        }
        assert_eq!(stage.asked(path), 1, "{path}");
    }
}

#[tokio::test]
async fn an_id_that_is_refused_is_looked_up_anew() {
    let mut stage = Stage::new().await;
    let keys = stage.keys(("projectId", "auto"));
    stage.list(&keys).await.unwrap();
    // The project was deleted, and another one has its name.
    stage.simulator.accounts().update(&stage.account.domain_id, |account| {
        account.projects[0].id = "the-new-project".into();
    });
    assert_eq!(stage.must_fail(&keys).await.kind, FailureKind::CredentialsInvalid);
    assert_eq!(stage.asked(PROJECTS), 1);
    // What was refused isn't tried again at once where it was; at this endpoint, it wasn't.
    let elsewhere = stage.simulator.endpoint().replace("127.0.0.1", "localhost");
    stage.target.endpoint = Endpoint::parse(&elsewhere).unwrap();
    stage.list(&keys).await.unwrap();
    assert_eq!(stage.asked(PROJECTS), 2);
}

#[tokio::test]
async fn a_project_that_is_refused_closes_no_other_region() {
    let mut stage = Stage::new().await;
    let keys = stage.keys(("projectId", "auto"));
    let mut gone = stage.account.projects[0].clone();
    (gone.id, gone.name) = ("gone".into(), "mars-1".into());
    let update = |change: &dyn Fn(&mut Account)| {
        stage.simulator.accounts().update(&stage.account.domain_id, |account| change(account));
    };
    update(&|account| account.projects.push(gone.clone()));
    let [earth, mars] = ["cn-north-4", "mars-1"].map(|name| Some(Region::parse(name).unwrap()));
    stage.target.region.clone_from(&mars);
    stage.list(&keys).await.unwrap();
    stage.simulator.accounts().update(&stage.account.domain_id, |account| {
        account.projects.retain(|project| project.id != "gone");
    });
    stage.must_fail(&keys).await;
    stage.target.region = earth;
    stage.list(&keys).await.unwrap();
}

#[tokio::test]
async fn a_permission_that_a_look_up_lacks_is_named() {
    let stage = Stage::new().await;
    stage.simulator.accounts().update(&stage.account.domain_id, |account| {
        account.denied.extend([Action::ListDomains, Action::ListProjects]);
    });
    for (more, permission, way_out) in [
        (("domainId", "auto"), "iam:users:getUser", "domainId"),
        (("projectId", "auto"), "iam:projects:listProjects", "projectId"),
    ] {
        for listing in stage.list_together(&stage.keys(more)).await {
            let failure = listing.unwrap_err();
            assert_eq!(failure.kind, FailureKind::AccessDenied);
            assert!(failure.message.contains(permission) && failure.message.contains(way_out), "{failure:?}");
        }
    }
    assert_eq!((stage.asked(DOMAINS), stage.asked(PROJECTS), stage.asked(TASKS)), (1, 1, 0));
}

#[tokio::test]
async fn a_region_without_a_project_is_told() {
    let mut stage = Stage::new().await;
    stage.target.region = Some(Region::parse("mars-1").unwrap());
    let failure = stage.must_fail(&stage.keys(("projectId", "auto"))).await;
    assert_eq!(failure.kind, FailureKind::SecretInvalid);
    assert!(failure.needs_a_person && failure.message.contains("mars-1"), "{failure:?}");
    stage.must_fail(&stage.keys(("projectId", "auto"))).await;
    assert_eq!(stage.asked(PROJECTS), 1, "it isn't asked for again at once");
    stage.target.region = None;
    assert!(stage.must_fail(&stage.keys(("projectId", "auto"))).await.message.contains("Set spec.region"));
}

#[tokio::test]
async fn an_iam_that_does_not_answer_is_asked_by_one_for_all() {
    let mut stage = Stage::new().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::parse(&format!("http://{nobody}")).unwrap();
    stage.target.iam = Ok(Iam { endpoint: endpoint.clone(), otherwise: None });
    for listing in stage.list_together(&stage.user("the password")).await {
        let failure = listing.unwrap_err();
        assert_eq!(failure.kind, FailureKind::EndpointUnreachable);
        assert!(failure.message.contains(endpoint.as_str()), "{}", failure.message);
    }
    assert_eq!(stage.asked(TASKS), 0);
}

#[tokio::test]
async fn the_iam_for_all_regions_serves_where_a_region_has_none() {
    let mut stage = Stage::new().await;
    let iam = stage.target.iam.clone().unwrap().endpoint;
    let none = Endpoint::parse("https://iam.there-is-no-such-host.invalid").unwrap();
    stage.target.iam = Ok(Iam { endpoint: none.clone(), otherwise: Some(iam) });
    match stage.list(&stage.user("the password")).await {
        Ok(listing) => assert_eq!(listing.tasks.len(), 3),
        // Where there is no name resolution at all, nothing says that there is no such host.
        Err(error) => assert!(matches!(error, Error::Unreachable { .. }), "{error:?}"),
    }
}

#[tokio::test]
async fn no_answer_of_iam_shows_a_password_or_breaks_anything() {
    let stage = Stage::new().await;
    let bodies = [
        ErrorBody::Html,
        ErrorBody::Iam { message: "MARKERPASSWORD".into() },
        ErrorBody::Gateway {
            code: "MARKERPASSWORD".into(),
            message: "the MARKERPASSWORD of the request".into(),
        },
    ];
    for status in [200, 201, 302, 400, 401, 403, 404, 409, 429, 500, 503] {
        for body in &bodies {
            let when = Trigger { path: Some(TOKENS.into()), ..Trigger::default() };
            stage.simulator.faults().add(Fault { when, effect: Effect::respond(status, body.clone()) });
            // A client of its own, that nothing keeps from asking.
            let error = list_with(&client(options()), &stage.target, &stage.user("MARKERPASSWORD"))
                .await
                .unwrap_err();
            let failure = Failure::from(&error);
            assert!(!format!("{error} {error:?} {failure:?}").contains("MARKER"), "{status} {error:?}");
            stage.simulator.faults().clear();
        }
    }
}
