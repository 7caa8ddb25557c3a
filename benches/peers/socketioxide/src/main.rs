//! socketioxide: the data of `publish` goes to all others as `rt_bench`. `carillon-peer-socketioxide PORT`

use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use tokio::net::TcpListener;

async fn publish(socket: SocketRef, Data(data): Data<serde_json::Value>) {
    // Who is gone hears nothing.
    let _ = socket.broadcast().emit("rt_bench", &data).await;
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("give a port");
    let (layer, io) = SocketIo::builder().max_buffer_size(1024).build_layer();
    io.ns("/", async |socket: SocketRef| socket.on("publish", publish));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port is free");
    axum::serve(listener, axum::Router::new().layer(layer)).await.expect("it serves");
}
