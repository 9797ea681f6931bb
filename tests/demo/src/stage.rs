//! Everything that the demo needs running: a cluster, an SMS, an operator.

use std::{env, path::PathBuf, time::Instant};

use k8s_openapi::{
    api::core::v1::{Namespace, Secret},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
    runtime::wait::{await_condition, conditions},
};
use migration_task_watch::api::{self, MigrationTaskWatch};
use sms_simulator::{Account, Scenario, Simulator};
use test_cluster::{Cluster, Process};

use crate::{Options, Result, objects};

const SCENARIO: &str = include_str!("../../sms-simulator/scenarios/demo-wave.yaml");

/// Where the demo takes place.
enum Place {
    /// On a cluster of its own.
    Own(Box<Cluster>),
    /// On the cluster of the current kubeconfig, where what is created has to be removed again.
    Current { created_namespace: bool, created_definition: bool },
}

/// What is running.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) namespace: &'static str,
    pub(crate) operator: Option<Process>,
    place: Place,
    simulator: Simulator,
    account: Account,
    dir: tempfile::TempDir,
}

impl Stage {
    /// Starts the cluster and the simulated SMS.
    pub(crate) async fn new(options: &Options) -> Result<Self> {
        let (place, client, namespace) = if options.current_cluster {
            println!(
                "Using the cluster of the current kubeconfig; what is created there is removed at the end."
            );
            let client = Client::try_from(Config::infer().await?)?;
            (Place::Current { created_namespace: false, created_definition: false }, client, "mtw-demo")
        } else {
            print!("Starting etcd and kube-apiserver ... ");
            let start = Instant::now();
            let cluster = Cluster::start(test_cluster::Options::default()).await?;
            println!("{:.1} s", start.elapsed().as_secs_f64());
            let client = cluster.admin_client().await?;
            (Place::Own(Box::new(cluster)), client, "migration")
        };
        let account = Account::default();
        let simulator = Simulator::start(sms_simulator::Config {
            tasks: Scenario::parse(SCENARIO)?.tasks(),
            accounts: vec![account.clone()],
            time_scale: options.speed,
            ..sms_simulator::Config::default()
        })
        .await?;
        println!("Simulating SMS at {}", simulator.endpoint());
        let dir = tempfile::tempdir()?;
        Ok(Self { client, namespace, operator: None, place, simulator, account, dir })
    }

    /// Applies what a user would, and starts the operator.
    pub(crate) async fn build(&mut self) -> Result<()> {
        self.install_definition().await?;
        let metadata = ObjectMeta { name: Some(self.namespace.to_owned()), ..ObjectMeta::default() };
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
        if let Place::Current { created_namespace, .. } = &mut self.place {
            *created_namespace = true;
        }
        self.start_operator().await?;
        let key = self.account.access_keys.first().ok_or("the simulated account has no key")?;
        let secret: Secret = serde_json::from_value(objects::secret(&key.id, &key.secret))?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace);
        secrets.create(&PostParams::default(), &secret).await?;
        for (wave, servers) in objects::WAVES {
            let watch = objects::watch(wave, servers, &self.simulator.endpoint())?;
            self.watches().create(&PostParams::default(), &watch).await?;
        }
        println!("Applied the watches wave-1 and wave-2\n");
        Ok(())
    }

    pub(crate) fn watches(&self) -> Api<MigrationTaskWatch> {
        Api::namespaced(self.client.clone(), self.namespace)
    }

    /// The kubeconfig of the demo's own cluster.
    pub(crate) fn kubeconfig(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Own(cluster) => Some(cluster.kubeconfig().to_owned()),
            Place::Current { .. } => None,
        }
    }

    async fn install_definition(&mut self) -> Result<()> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let definition = api::crd();
        let name = definition.metadata.name.clone().unwrap_or_default();
        let there = definitions.get_opt(&name).await?.is_some();
        if !there || matches!(self.place, Place::Own(_)) {
            definitions.patch(&name, &PatchParams::apply("demo").force(), &Patch::Apply(&definition)).await?;
        }
        if let Place::Current { created_definition, .. } = &mut self.place {
            *created_definition = !there;
        }
        await_condition(definitions, &name, conditions::is_crd_established()).await?;
        Ok(())
    }

    /// The operator runs beside the demo: as a ServiceAccount with the chart's rights on the demo's own cluster, as
    /// the current user elsewhere.
    async fn start_operator(&mut self) -> Result<()> {
        let kubeconfig = match &self.place {
            Place::Own(cluster) => {
                let rules = test_cluster::chart_rules()?;
                cluster.create_service_account(self.namespace, "migration-task-watch", rules).await?;
                Some(cluster.service_account_kubeconfig(self.namespace, "migration-task-watch").await?)
            }
            // The demo's own environment is the operator's.
            Place::Current { .. } => None,
        };
        let program = env::current_exe()?.with_file_name("migration-task-watch");
        let mut command: Vec<String> =
            kubeconfig.map(|path| format!("KUBECONFIG={}", path.display())).into_iter().collect();
        command.push(program.display().to_string());
        let flags = ["run", "--allowed-endpoints", "http://127.0.0.1:*", "--health-addr", "127.0.0.1:0"];
        command.extend(flags.map(str::to_owned));
        command.extend(["--watch-namespace".to_owned(), self.namespace.to_owned()]);
        let env = PathBuf::from("/usr/bin/env");
        self.operator = Some(Process::spawn("operator", &env, &command, self.dir.path())?);
        Ok(())
    }

    /// Ends everything, and removes what was created on a cluster that isn't the demo's own.
    pub(crate) async fn strike(self) {
        drop(self.operator);
        let Place::Current { created_namespace, created_definition } = self.place else { return };
        // A namespace that was there before is somebody else's: the demo has ended when it couldn't create it.
        if !created_namespace {
            return;
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if let Err(error) = namespaces.delete(self.namespace, &DeleteParams::default()).await {
            eprintln!("warning: the namespace {} couldn't be removed: {error}", self.namespace);
        }
        if created_definition {
            let definitions: Api<CustomResourceDefinition> = Api::all(self.client);
            let name = api::crd().metadata.name.unwrap_or_default();
            if let Err(error) = definitions.delete(&name, &DeleteParams::default()).await {
                eprintln!("warning: the definition {name} couldn't be removed: {error}");
            }
        }
    }
}
