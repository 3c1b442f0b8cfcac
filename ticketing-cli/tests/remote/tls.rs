//! A server behind TLS: whose certificate is believed, and what is said of one that is not.

use crate::support::Ran;
use crate::{Far, Place};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use std::net::TcpListener;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority that nobody knows.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Stands in front of a server and speaks TLS, with a certificate for `name` that was good until `year`; returns its
/// port. It goes with the test.
fn in_front_of(far: &Far, authority: &CertifiedIssuer<'static, KeyPair>, name: &str, year: i32) -> u16 {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(year, 1, 1);
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = far.url.strip_prefix("http://").unwrap().to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // Whoever does not believe it hangs up.
                    let Ok(mut outside) = acceptor.accept(stream).await else { return };
                    let mut inside = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
    });
    port
}

fn ask(far: &Far, url: &str, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = far.place.command(&[args, &["--server", url]].concat());
    // What this machine trusts must not decide the test.
    command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
    far.place.finish(command.env("TICKETCTL_TOKEN", &far.token).envs(env.iter().copied()), "")
}

#[test]
fn a_server_of_ones_own_authority_is_believed_by_a_flag_a_variable_or_a_context() {
    let far = Far::on(Place::seeded());
    let authority = authority("our own");
    let file = far.place.0.path().join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let file = file.to_str().unwrap();
    let url = format!("https://localhost:{}", in_front_of(&far, &authority, "localhost", 2100));
    let near = far.run(&["route", "list", "-o", "name"]).ok().out;
    let list = ["route", "list", "-o", "name"];
    assert_eq!(ask(&far, &url, &[&list[..], &["--ca-file", file]].concat(), &[]).ok().out, near);
    assert_eq!(ask(&far, &url, &list, &[("SSL_CERT_FILE", file)]).ok().out, near);
    let change = ["user", "token", "ada", "--reason", "a test", "--ca-file", file];
    assert!(!ask(&far, &url, &change, &[]).ok().out.is_empty());
    let doctor = ask(&far, &url, &["doctor", "--ca-file", file, "-o", "json"], &[]);
    assert!(doctor.out.contains("answers, in"), "{doctor:?}");

    let token = far.place.0.path().join("token");
    std::fs::write(&token, &far.token).unwrap();
    let set = ["context", "set", "own", "--token-file", "token", "--ca-file", "authority.pem"];
    let set = ask(&far, &url, &set, &[]).ok().out;
    assert!(set.contains(file), "the whole path is kept: {set}");
    let mut command = far.place.command(&[&list[..], &["--context", "own"]].concat());
    command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
    assert_eq!(far.place.finish(&mut command, "").ok().out, near);
}

#[test]
fn a_certificate_that_is_not_believed_is_said_with_what_to_do_and_nothing_is_sent() {
    let far = Far::on(Place::seeded());
    let authority = authority("our own");
    let file = far.place.0.path().join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let file = file.to_str().unwrap();
    let other = far.place.0.path().join("other.pem");
    std::fs::write(&other, self::authority("somebody else").pem()).unwrap();
    let url = |name, year| format!("https://localhost:{}", in_front_of(&far, &authority, name, year));
    for (url, file, expected) in [
        (
            url("localhost", 2100),
            other.to_str().unwrap(),
            ["UnknownIssuer", "--ca-file FILE with the certificate"],
        ),
        (url("example.org", 2100), file, ["not valid for name", "the name that the certificate is for"]),
        (url("localhost", 2001), file, ["expired", "renew"]),
    ] {
        let ran = ask(&far, &url, &["route", "list", "--ca-file", file], &[]);
        assert_eq!((ran.code, ran.out.as_str()), (7, ""), "{ran:?}");
        assert!(
            ran.err.contains("can't prove who it is") && ran.err.contains("Nothing was sent."),
            "{ran:?}"
        );
        for expected in expected {
            assert!(ran.err.contains(expected), "{expected}: {ran:?}");
        }
    }
    let localhost = url("localhost", 2100);
    let nobody = ask(&far, &localhost, &["route", "list"], &[]);
    assert_eq!(nobody.code, 1, "a machine that trusts nobody says so: {nobody:?}");
    assert!(nobody.err.contains("--ca-file FILE"), "{nobody:?}");
    for wrong in ["nowhere.pem", "pid", "token"] {
        std::fs::write(far.place.0.path().join("pid"), "12").unwrap();
        std::fs::write(far.place.0.path().join("token"), "").unwrap();
        let ran = ask(&far, &localhost, &["route", "list", "--ca-file", wrong], &[]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("-----BEGIN CERTIFICATE-----"), "{ran:?}");
    }
}

#[test]
fn a_machine_that_trusts_nobody_works_with_a_server_that_speaks_no_tls() {
    let far = Far::on(Place::seeded());
    let names = ask(&far, &far.url, &["route", "list", "-o", "name"], &[]).ok().out;
    assert!(!names.is_empty());
}
