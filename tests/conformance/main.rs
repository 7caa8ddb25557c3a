//! Servers for conformance suites that nobody here wrote, made of the hub's own parts: never part of the product.
//!
//! `cargo run --example conformance -- websocket --listen 127.0.0.1:9001`

use std::io;
use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

mod engineio;
mod mqtt;
mod socketio;
mod websocket;

/// Serves what a conformance suite expects
#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// An echo over WebSocket, for Autobahn's cases
    Websocket(Listen),
    /// An echo over Engine.IO, for the suite of socketio/engine.io-protocol
    Engineio(Listen),
    /// Namespaces of Socket.IO that give events back, for the suite of socketio/socket.io-protocol
    Socketio(Listen),
    /// A broker with free topics, for paho's interoperability suites
    Mqtt(Listen),
}

#[derive(Debug, Args)]
struct Listen {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    match Line::parse().suite {
        Suite::Websocket(at) => websocket::serve(at.listen).await,
        Suite::Engineio(at) => engineio::serve(at.listen).await,
        Suite::Socketio(at) => socketio::serve(at.listen).await,
        Suite::Mqtt(at) => mqtt::serve(at.listen).await,
    }
}
