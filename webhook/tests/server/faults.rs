//! What goes wrong beside a constant load, of which not one review may be lost or wrongly answered.

use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use futures::StreamExt;
use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, Version};
use crate::load::{CONNECTIONS, Load, deployment, review};
use crate::mounted::{Mounted, Pem};
use crate::process::{PATIENCE, Webhook};

const MAX_BODY: usize = 7 << 20;

/// Memory that `deploy/` gives a replica.
const LIMIT_MIB: u64 = 256;

/// A program under load.
struct Stage {
    webhook: Webhook,
    certificates: Mounted,
    pem: Pem,
    load: Load,
}

impl Stage {
    async fn set() -> Self {
        let pem = Pem::new();
        let certificates = Mounted::new(&pem);
        let webhook = Webhook::start(&certificates).await;
        let client = Client::new(&[&pem.authority], Version::Http2);
        let (load, _) = Load::start(client, &[webhook.reviews]);
        load.goes_on().await;
        Self { webhook, certificates, pem, load }
    }

    fn client(&self, version: Version) -> Client {
        Client::new(&[&self.pem.authority], version)
    }

    /// A connection that speaks HTTP/1.1 by hand.
    async fn tls(&self) -> tokio_rustls::client::TlsStream<TcpStream> {
        self.client(Version::Http1).tls(self.webhook.reviews).await.unwrap()
    }
}

/// Reads until the other side closes, and returns what came.
async fn rest(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    // A connection that is cut without TLS's goodbye is an error, and closed all the same.
    let _ = read.expect("the connection is closed");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_certificate_is_replaced_by_a_swapped_link() {
    let pem = Pem::new();
    let next = Pem::new();
    let mut certificates = Mounted::new(&pem);
    let webhook = Webhook::start(&certificates).await;
    let both = Client::new(&[&pem.authority, &next.authority], Version::Http2);
    let (load, _) = Load::start(both, &[webhook.reviews]);
    load.goes_on().await;
    let reloads = webhook.metric("infer_webhook_certificate_reloads_total").await;

    certificates.swap(&next);
    webhook.until_metric("infer_webhook_certificate_reloads_total", reloads + 1.0).await;

    let only_new = Client::new(&[&next.authority], Version::Http2);
    assert!(only_new.connect(webhook.reviews).await.is_ok(), "new connections have the new certificate");
    load.end().await;
}

#[tokio::test]
async fn a_broken_certificate_changes_nothing_but_a_metric() {
    let Stage { webhook, mut certificates, pem, load } = Stage::set().await;
    let other = Pem::new();
    let no_pem = |text: &str| Pem { chain: text.to_owned(), key: text.to_owned(), authority: String::new() };
    let key_of_another =
        Pem { chain: pem.chain.clone(), key: other.key.clone(), authority: pem.authority.clone() };
    // Of a machine whose clock is ahead, and one that nobody renewed.
    let day = Duration::from_secs(24 * 3600);
    let early = Pem::valid_from(SystemTime::now() + day);
    let expired = Pem::valid_from(SystemTime::now() - day * 31);
    let broken = [key_of_another, no_pem(""), no_pem("-----BEGIN CERTIFICATE-----"), early, expired];
    for (round, broken) in broken.iter().enumerate() {
        certificates.swap(broken);
        webhook.until_metric("infer_webhook_certificate_errors_total", round as f64 + 1.0).await;
        assert_eq!(webhook.metric("infer_webhook_certificate_broken").await, 1.0);
        load.goes_on().await;
    }
    assert!(webhook.is_ready().await, "it still serves");

    certificates.swap(&pem);
    webhook
        .until("the metric is back", async |it| it.metric("infer_webhook_certificate_broken").await == 0.0)
        .await;
    load.end().await;
}

#[tokio::test]
async fn sigterm_with_open_connections_loses_nothing() {
    let pem = Pem::new();
    let certificates = [Mounted::new(&pem), Mounted::new(&pem)];
    let leaves = Webhook::start(&certificates[0]).await;
    let stays = Webhook::start(&certificates[1]).await;
    let client = Client::new(&[&pem.authority], Version::Http2);
    let (load, endpoints) = Load::start(client, &[leaves.reviews, stays.reviews]);
    load.goes_on().await;

    leaves.terminate();
    leaves.until("it is not ready any more", async |leaves| !leaves.is_ready().await).await;
    // What Kubernetes then does: new connections go to the other replica. Open ones stay.
    *endpoints.lock().unwrap() = vec![stays.reviews];
    assert!(leaves.end().await.success());
    load.end().await;
}

/// Nothing can answer for a process that is gone, but no more is lost than what each connection waits for, and another
/// replica gives the very same answer to it.
#[tokio::test]
async fn a_killed_replica_loses_what_it_was_answering_and_no_more() {
    const KILLS: usize = 3;
    let pem = Pem::new();
    let certificates = Mounted::new(&pem);
    let stays = Webhook::start(&certificates).await;
    let client = Client::new(&[&pem.authority], Version::Http2);
    let (load, endpoints) = Load::start_sending_again(client, &[stays.reviews]);
    for _ in 0..KILLS {
        let mut killed = Webhook::start(&certificates).await;
        *endpoints.lock().unwrap() = vec![stays.reviews, killed.reviews];
        killed.until_metric("infer_webhook_connections", 1.0).await;
        load.goes_on().await;
        killed.kill();
        // The endpoints still name it for a while.
        load.goes_on().await;
        *endpoints.lock().unwrap() = vec![stays.reviews];
        load.goes_on().await;
    }
    let again = load.sent_again();
    println!("{again} reviews were sent again after {KILLS} kills");
    assert!(again <= KILLS * CONNECTIONS, "{again} reviews were sent again");
    load.end().await;
}

#[tokio::test]
async fn bodies_of_seven_mebibytes_are_answered_and_larger_ones_refused() {
    let stage = Stage::set().await;
    let mut object = deployment();
    let padding = MAX_BODY - review("large", object.clone()).to_string().len() - 64;
    object["metadata"]["annotations"] = serde_json::json!({ "padding": "x".repeat(padding) });
    let large = review("large", object).to_string();
    assert!(large.len() <= MAX_BODY && large.len() > MAX_BODY - 64);
    let large = Bytes::from(large);

    for version in [Version::Http1, Version::Http2] {
        let client = stage.client(version);
        let posts = (0..8)
            .map(|_| client.post(stage.webhook.reviews, "/validate", "application/json", large.clone()));
        // One more than are read at the same time.
        let answers: Vec<_> = futures::stream::iter(posts).buffer_unordered(5).collect().await;
        for (status, answer) in answers {
            assert_eq!(status, StatusCode::OK, "{answer}");
            assert!(answer.contains("\"uid\":\"large\""));
        }
        // Declared as larger, and larger without saying so.
        let mut connection = client.connect(stage.webhook.reviews).await.unwrap();
        let declared = Body::from(vec![b' '; MAX_BODY + 1]);
        if let Ok((status, _)) = connection.post("/validate", "application/json", declared).await {
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        }
        let chunks =
            futures::stream::repeat(Bytes::from(vec![b' '; 64 << 10])).take(113).map(Ok::<_, std::io::Error>);
        let mut connection = client.connect(stage.webhook.reviews).await.unwrap();
        if let Ok((status, _)) =
            connection.post("/validate", "application/json", Body::from_stream(chunks)).await
        {
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    let rejected = stage.webhook.metric("infer_webhook_rejected_requests_total{reason=\"too_large\"}").await;
    assert_eq!(rejected, 4.0, "refused, whether or not the client could still read so");
    stage.load.end().await;
}

#[tokio::test]
async fn a_burst_of_large_bodies_of_tiny_values_stays_within_the_memory_limit() {
    let stage = Stage::set().await;
    // They would take a hundred times their text once they are read.
    let values = "{\"a\":1},".repeat((MAX_BODY - 1024) / 8);
    let object = serde_json::json!({ "kind": "Deployment", "values": "HERE" });
    let body = review("tiny", object).to_string();
    let body = Bytes::from(body.replace("\"HERE\"", &format!("[{}]", values.trim_end_matches(','))));
    let client = stage.client(Version::Http2);
    let posts =
        (0..8).map(|_| client.post(stage.webhook.reviews, "/mutate", "application/json", body.clone()));
    let answers = futures::future::join_all(posts).await;
    // Bodies wait for their turn to be read, on a busy machine perhaps too long.
    let refused = [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::REQUEST_TIMEOUT];
    assert!(answers.iter().all(|(status, _)| refused.contains(status)), "{answers:?}");
    assert!(answers.iter().any(|(status, _)| *status == refused[0]), "{answers:?}");
    let peak = stage.webhook.peak_mib();
    assert!(peak < LIMIT_MIB, "{peak} MiB");
    stage.load.end().await;
}

#[tokio::test]
async fn slow_clients_are_cut_off_and_hold_nobody_up() {
    let stage = Stage::set().await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut silent_after_the_handshake = stage.tls().await;
        silent_after_the_handshake.write_all(b"POST /mut").await.unwrap();
        slow.push(silent_after_the_handshake);
        let mut silent_in_the_body = stage.tls().await;
        let head = "POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n\r\n";
        silent_in_the_body.write_all(head.as_bytes()).await.unwrap();
        silent_in_the_body.write_all(b"{").await.unwrap();
        slow.push(silent_in_the_body);
    }
    stage.load.goes_on().await;
    let mut timed_out = 0;
    for stream in slow {
        let answer = rest(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        timed_out += usize::from(!answer.is_empty());
    }
    assert_eq!(timed_out, 20);
    stage.load.end().await;
}

#[tokio::test]
async fn half_closed_connections_are_answered_or_closed() {
    let stage = Stage::set().await;
    let body = review("half", deployment()).to_string();
    let head = |length: usize| {
        format!(
            "POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n"
        )
    };
    // The client is done sending, and waits for its answer.
    let mut whole = stage.tls().await;
    whole.write_all(format!("{}{body}", head(body.len())).as_bytes()).await.unwrap();
    whole.flush().await.unwrap();
    let answer = rest(whole).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"uid\":\"half\""), "{answer}");

    // The body ends in the middle.
    let mut part = stage.tls().await;
    part.write_all(format!("{}{}", head(body.len()), &body[..100]).as_bytes()).await.unwrap();
    part.shutdown().await.unwrap();
    let answer = rest(part).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    stage.load.end().await;
}

#[tokio::test]
async fn wrong_content_types_are_refused_before_the_body_is_read() {
    let stage = Stage::set().await;
    let body = review("type", deployment()).to_string();
    for version in [Version::Http1, Version::Http2] {
        let client = stage.client(version);
        for wrong in
            ["text/plain", "application/yaml", "application/vnd.kubernetes.protobuf", "", "application/jsonp"]
        {
            let (status, text) = client.post(stage.webhook.reviews, "/mutate", wrong, body.clone()).await;
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{wrong}: {text}");
        }
        for right in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            let (status, text) = client.post(stage.webhook.reviews, "/mutate", right, body.clone()).await;
            assert_eq!(status, StatusCode::OK, "{right}: {text}");
        }
    }
    stage.load.end().await;
}

#[tokio::test]
async fn truncated_handshakes_are_closed() {
    let mut stage = Stage::set().await;
    // The beginning of a ClientHello, and plain HTTP where TLS is spoken.
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    let before = stage.webhook.metric("infer_webhook_handshake_errors_total").await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut closes = TcpStream::connect(stage.webhook.reviews).await.unwrap();
        closes.write_all(&hello).await.unwrap();
        drop(closes);
        let mut waits = TcpStream::connect(stage.webhook.reviews).await.unwrap();
        waits.write_all(&hello).await.unwrap();
        open.push(waits);
        let mut plain = TcpStream::connect(stage.webhook.reviews).await.unwrap();
        plain.write_all(b"POST /mutate HTTP/1.1\r\n\r\n").await.unwrap();
        open.push(plain);
    }
    stage.load.goes_on().await;
    for stream in open {
        rest(stream).await;
    }
    stage.webhook.until_metric("infer_webhook_handshake_errors_total", before + 30.0).await;
    assert!(stage.webhook.is_running());
    stage.load.end().await;
}

#[tokio::test]
async fn a_connection_that_never_asks_is_closed() {
    let stage = Stage::set().await;
    let silent = stage.tls().await;
    let began = tokio::time::Instant::now();
    assert_eq!(rest(silent).await, "");
    // Not at once: a client may take a moment.
    assert!(began.elapsed() > Duration::from_secs(1));
    stage.load.end().await;
}
