//! Authorities of the owner's own, and which TLS is spoken.

use std::{path::PathBuf, time::Duration};

use migration_task_watch::sms::{
    Client, ClientError, ClientOptions, Error, NetworkOptions,
    error::TlsProblem,
    network::{CaFileError, NetworkError},
};
use sms_simulator::{Config, Simulator, Transport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{access_key, client, list_with, options, target, tasks, within};

async fn simulator() -> Simulator {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Simulator::start(Config { transport: Transport::local_https(), tasks: tasks(1), ..Config::default() })
        .await
        .unwrap()
}

fn trusting(ca_files: Vec<PathBuf>) -> ClientOptions {
    let network = NetworkOptions { ca_files, ca_check_interval: Duration::ZERO, ..NetworkOptions::default() };
    ClientOptions { network, ..options() }
}

/// Whether a listing succeeds; otherwise the authority must be what is wrong.
async fn trusts(client: &Client, simulator: &Simulator) -> bool {
    match list_with(client, &target(&simulator.endpoint()), &access_key(&[])).await {
        Ok(_) => true,
        Err(Error::Tls { problem: TlsProblem::UnknownAuthority, .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_changed_file_is_taken_over_and_a_bad_one_is_not() {
    let (one, two) = (simulator().await, simulator().await);
    let (one_pem, two_pem) = (one.ca_pem().unwrap(), two.ca_pem().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, one_pem).unwrap();
    let client = client(trusting(vec![file.clone()]));
    let trusted = async || (trusts(&client, &one).await, trusts(&client, &two).await);

    assert_eq!(trusted().await, (true, false));
    std::fs::write(&file, format!("{one_pem}{two_pem}")).unwrap();
    assert_eq!(trusted().await, (true, true));
    std::fs::write(&file, two_pem).unwrap();
    assert_eq!(trusted().await, (false, true));
    for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, bad).unwrap();
        assert_eq!(trusted().await, (false, true), "{bad}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(trusted().await, (false, true));
    std::fs::write(&file, one_pem).unwrap();
    assert_eq!(trusted().await, (true, false));
}

/// What Kubernetes does when a ConfigMap changes that is mounted.
#[tokio::test]
async fn a_swapped_link_is_a_change() {
    let (one, two) = (simulator().await, simulator().await);
    let dir = tempfile::tempdir().unwrap();
    for (name, simulator) in [("1", &one), ("2", &two)] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join("ca.pem"), simulator.ca_pem().unwrap()).unwrap();
    }
    let link = |name| {
        std::os::unix::fs::symlink(name, dir.path().join("new")).unwrap();
        std::fs::rename(dir.path().join("new"), dir.path().join("data")).unwrap();
    };
    link("1");
    std::os::unix::fs::symlink("data/ca.pem", dir.path().join("ca.pem")).unwrap();
    let client = client(trusting(vec![dir.path().join("ca.pem")]));
    assert!(trusts(&client, &one).await);
    link("2");
    assert!(trusts(&client, &two).await);
    assert!(!trusts(&client, &one).await);
}

#[tokio::test]
async fn several_files_are_trusted_together() {
    let (one, two) = (simulator().await, simulator().await);
    let dir = tempfile::tempdir().unwrap();
    let files = [("one.pem", &one), ("two.pem", &two)].map(|(name, simulator)| {
        let path = dir.path().join(name);
        std::fs::write(&path, simulator.ca_pem().unwrap()).unwrap();
        path
    });
    let client = client(trusting(files.to_vec()));
    assert!(trusts(&client, &one).await && trusts(&client, &two).await);
}

#[tokio::test]
async fn a_file_that_cant_be_used_at_the_start_is_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let error = |content: Option<&str>| {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let error = Client::new(trusting(vec![file.clone()])).unwrap_err();
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        let ClientError::Network(NetworkError::Authorities(error)) = error else { panic!("{error}") };
        error
    };
    assert!(matches!(error(None), CaFileError::Unreadable { .. }));
    assert!(matches!(error(Some("")), CaFileError::Empty { .. }));
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert!(matches!(error(Some(&key)), CaFileError::Empty { .. }));
    for bad in [
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
    ] {
        assert!(matches!(error(Some(bad)), CaFileError::Invalid { .. }), "{bad}");
    }
}

#[tokio::test]
async fn tls_before_1_2_is_neither_offered_nor_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut header = [0; 5];
        stream.read_exact(&mut header).await.unwrap();
        let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut hello).await.unwrap();
        // A ServerHello of TLS 1.1: version, random, no session, a cipher suite, no compression.
        let body = [&[3u8, 2], [7; 32].as_slice(), &[0, 0, 0x2f, 0]].concat();
        let length = u8::try_from(body.len()).unwrap();
        let record = [&[22, 3, 2, 0, length + 4, 2, 0, 0, length], body.as_slice()].concat();
        stream.write_all(&record).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
        hello
    });
    let error = list_with(&client(options()), &target(&format!("https://{address}")), &access_key(&[])).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Tls { problem: TlsProblem::Handshake(_), .. }), "{error:?}");
    let hello = within("the end of the connection", server).await.unwrap();
    // The extension supported_versions: 1.3, 1.2, and nothing else.
    let versions = [0, 43, 0, 5, 4, 3, 4, 3, 3];
    assert!(hello.windows(versions.len()).any(|window| window == versions), "{hello:?}");
}
