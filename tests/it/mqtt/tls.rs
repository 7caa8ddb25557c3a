//! MQTT under TLS, with the certificate of HTTP.

use std::io::{Read, Write};

use bytes::BytesMut;
use rmqtt_codec::v5::{self, ConnectAckReason, Packet};
use tokio_util::codec::{Decoder, Encoder};

use super::client::connect as as_module;
use crate::support::TestHub;
use crate::support::tls::{Certificate, connect};

#[actix::test]
async fn mqtt_is_spoken_under_tls_beside_the_plain_port() {
    let certificate = Certificate::new();
    let hub = TestHub::with(&[
        ("CARILLON__HTTP__TLS_CERTIFICATE", &certificate.certificate()),
        ("CARILLON__HTTP__TLS_KEY", &certificate.key()),
        ("CARILLON__MQTT__TLS_LISTEN", "127.0.0.1:0"),
    ])
    .await;
    let (at, path) = (hub.mqtt_tls().to_string(), certificate.certificate());

    let answer = tokio::task::spawn_blocking(move || {
        let mut bytes = BytesMut::new();
        let packet = Packet::Connect(Box::new(as_module("MC-1", "cm_wrong")));
        v5::Codec::new(0, 0).encode(packet, &mut bytes).expect("the packet can be written");
        let mut stream = connect(&at, &path);
        stream.write_all(&bytes).expect("TLS can be tried");
        let (mut answer, mut piece) = (BytesMut::new(), [0; 512]);
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            answer.extend_from_slice(&piece[..length]);
        }
        v5::Codec::new(0, 0).decode(&mut answer).expect("a packet")
    });
    let answer = answer.await.expect("TLS can be tried");
    let Some((Packet::ConnectAck(ack), _)) = answer else { panic!("{answer:?} is no CONNACK") };
    assert_eq!(ack.reason_code, ConnectAckReason::BadUserNameOrPassword);
}
