use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Events that were owed. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Events(Family<Told, Counter>);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It was created.
    Created,
    /// It was there already: another try had created it.
    Known,
    /// It can't ever be created, and was given up.
    GivenUp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Told {
    reason: String,
    outcome: &'static str,
}

impl Events {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Events by reason, and whether they were created, known already, or given up";
        registry.register("events", help, self.0.clone());
    }

    /// An event has been seen to.
    pub fn told(&self, reason: &str, telling: Telling) {
        let outcome = match telling {
            Telling::Created => "created",
            Telling::Known => "known",
            Telling::GivenUp => "given_up",
        };
        self.0.get_or_create(&Told { reason: reason.to_owned(), outcome }).inc();
    }
}
