//! A TCP proxy that can be cut, made silent, and pointed at another node.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the proxy does with connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Passes everything on.
    Open,
    /// Ends every connection and refuses new ones.
    Cut,
    /// Keeps connections and passes nothing back from the node.
    Silent,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    target: watch::Sender<SocketAddr>,
}

impl Proxy {
    pub(crate) async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (target, targets) = watch::channel(target);
        let mode = Arc::new(watch::Sender::new(Mode::Open));
        let modes = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = *targets.borrow();
                if *modes.borrow() != Mode::Cut {
                    tokio::spawn(carry(client, target, modes.subscribe()));
                }
            }
        });
        Self { address, mode, target }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    pub(crate) fn silence(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    pub(crate) fn open(&self) {
        self.mode.send_replace(Mode::Open);
    }

    /// Where connections made from now on lead.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }
}

async fn carry(client: TcpStream, target: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let Ok(node) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_node, to_node) = node.into_split();
    let always = watch::Sender::new(Mode::Open);
    tokio::select! {
        () = pump(from_client, to_node, always.subscribe()) => {}
        () = pump(from_node, to_client, mode.clone()) => {}
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let passes = mode.wait_for(|mode| *mode != Mode::Silent).await.is_ok_and(|mode| *mode == Mode::Open);
        if !passes || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
