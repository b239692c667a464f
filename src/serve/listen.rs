//! The server: sockets, limits and its end. The only home of the asynchronous runtime here.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as BoundListener};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use super::answers::Answers;
use super::guard::{AllowedOrigin, Guard};
use super::respond::{Shared, respond};
use super::socket::{RuntimeTimer, Socket};
use super::token::Token;
use crate::bundle::{BundleStore, Prewarmed};
use crate::error::{Error, Result};

/// As many threads speak with clients.
const SPEAKING: usize = 2;
/// As many threads read bundles at most: one that waits for a remote keeps nobody else waiting.
const READING: usize = 64;
/// What one that cannot be served now is told.
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\
    retry-after: 1\r\ncontent-type: application/json\r\ncontent-length: 76\r\n\r\n\
    {\"error\":{\"code\":\"busy\",\"message\":\"there are too many connections already\"}}";
/// How long the system is given to have free handles again.
const BREATH: Duration = Duration::from_millis(100);

/// What clients may do to a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// As many connections at once.
    pub connections: usize,
    /// As many bytes before the body of a request.
    pub header_bytes: usize,
    /// As many bytes in the body of a request.
    pub body_bytes: usize,
    /// As long may a request take to arrive, and a connection be idle.
    pub request_time: Duration,
    /// As long may a client take nothing of its answer.
    pub write_time: Duration,
    /// As long may answers take that are under way when the server ends.
    pub end_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 512,
            header_bytes: 64 << 10,
            body_bytes: 1 << 20,
            request_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            end_time: Duration::from_secs(5),
        }
    }
}

/// How a server serves.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where it listens.
    pub address: IpAddr,
    /// On which port; 0 for any that is free.
    pub port: u16,
    /// What clients must know; any address but loopback demands one.
    pub token: Option<Token>,
    /// Whose web pages may read answers.
    pub origins: Vec<AllowedOrigin>,
    /// Where bundles are looked for unless a request names another space.
    pub space: String,
    /// Whether the bundles of that space are brought into memory at once.
    pub prewarm: bool,
    /// Whether each answer is told of.
    pub log: bool,
    /// What clients may do to it.
    pub limits: Limits,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            address: IpAddr::from([127, 0, 0, 1]),
            port: 0,
            token: None,
            origins: Vec::new(),
            space: crate::bundle::DEFAULT_SPACE.to_owned(),
            prewarm: false,
            log: false,
            limits: Limits::default(),
        }
    }
}

/// What happens while a server runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// Bundles were brought into memory.
    Prewarmed(Result<Prewarmed>),
    /// A request was answered.
    Answered(Answered),
    /// The server was told to end, and still answers what is under way.
    Ending,
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The method, path and query, as the client wrote them, cut if they are long.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The bytes of the answer's body.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// A server that listens, and answers once it runs.
pub struct Server {
    listener: BoundListener,
    address: SocketAddr,
    bundles: BundleStore,
    options: ServeOptions,
    stop: watch::Sender<bool>,
}

/// What ends a server from another thread.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Tells the server to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Begins to listen. Clients that come wait until the server runs.
    ///
    /// # Errors
    /// [`Error::TokenNeeded`] if others could ask without a token, [`Error::CannotListen`] if the
    /// port is taken or the address is none of this machine.
    pub fn bind(bundles: &BundleStore, options: ServeOptions) -> Result<Server> {
        if options.token.is_none() {
            if !options.address.is_loopback() {
                let what = format!("`{}` can be reached from other machines", options.address);
                return Err(Error::TokenNeeded { what });
            }
            if options.origins.iter().any(AllowedOrigin::is_any) {
                let what = "every web page may ask with the origin `*`".to_owned();
                return Err(Error::TokenNeeded { what });
            }
        }
        let wanted = SocketAddr::new(options.address, options.port);
        let refused = |source| Error::CannotListen { address: wanted.to_string(), source };
        let listener = BoundListener::bind(wanted).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let stop = watch::Sender::new(false);
        Ok(Server { listener, address, bundles: bundles.clone(), options, stop })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns where it listens, as a URL without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Answers until it is told to end, by its [`Stopper`] or by SIGINT or SIGTERM; what is under
    /// way then is still answered. A second signal ends it at once.
    ///
    /// # Errors
    /// [`Error::CannotListen`] if the system gives it no threads or signals.
    pub fn run(self, tell: &mut dyn FnMut(Notice)) -> Result<()> {
        let address = self.address.to_string();
        let refused = |source| Error::CannotListen { address: address.clone(), source };
        let runtime = Builder::new_multi_thread()
            .worker_threads(SPEAKING)
            .max_blocking_threads(READING)
            .thread_name("recell-serve")
            .enable_all()
            .build()
            .map_err(refused)?;
        let outcome = runtime.block_on(self.accept(tell)).map_err(refused);
        // Whoever still reads is reading for nobody.
        runtime.shutdown_background();
        outcome
    }

    async fn accept(self, tell: &mut dyn FnMut(Notice)) -> io::Result<()> {
        let Server { listener, bundles, options, stop, .. } = self;
        let listener = TcpListener::from_std(listener)?;
        let limits = options.limits.clone();
        let (notices, told) = mpsc::unbounded_channel();
        let mut source = Events {
            listener: Some(listener),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            prewarm: None,
            told,
        };
        if options.prewarm {
            let (bundles, space) = (bundles.clone(), options.space.clone());
            source.prewarm = Some(tokio::task::spawn_blocking(move || bundles.prewarm(&space)));
        }
        let guard = Guard { token: options.token, origins: options.origins };
        let answers = Answers { bundles, space: options.space };
        let notices = options.log.then_some(notices);
        let shared = Arc::new(Shared { guard, answers, limits: limits.clone(), notices });
        let places = Arc::new(Semaphore::new(limits.connections));
        let mut stopped = pin!(until_stopped(stop.subscribe()));
        loop {
            let mut is_stopped = false;
            let event = poll_fn(|cx| {
                if stopped.as_mut().poll(cx).is_ready() {
                    is_stopped = true;
                    return Poll::Ready(Event::Signal);
                }
                source.poll(cx)
            });
            match event.await {
                Event::Client(Ok(stream)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let (shared, ending) = (Arc::clone(&shared), stop.subscribe());
                        drop(tokio::spawn(converse(stream, shared, place, ending)));
                    }
                    Err(_) => drop(tokio::spawn(turn_away(stream))),
                },
                // A client that went away again, or no handle is left for another.
                Event::Client(Err(_)) => tokio::time::sleep(BREATH).await,
                Event::Told(notice) => tell(notice),
                Event::Signal => break,
            }
        }
        // From here on nobody gets in, and connections end after their answer.
        source.listener = None;
        stop.send_replace(true);
        tell(Notice::Ending);
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        let mut ended = pin!(tokio::time::timeout(limits.end_time, places.acquire_many(all)));
        loop {
            let event = poll_fn(|cx| match ended.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(Event::Signal),
                Poll::Pending => source.poll(cx),
            });
            match event.await {
                Event::Told(notice) => tell(notice),
                Event::Client(_) => {}
                Event::Signal => break,
            }
        }
        while let Ok(answered) = source.told.try_recv() {
            tell(Notice::Answered(answered));
        }
        Ok(())
    }
}

/// What the server waits for.
struct Events {
    listener: Option<TcpListener>,
    interrupt: Signal,
    terminate: Signal,
    prewarm: Option<JoinHandle<Result<Prewarmed>>>,
    told: mpsc::UnboundedReceiver<Answered>,
}

enum Event {
    Client(io::Result<TcpStream>),
    Told(Notice),
    Signal,
}

impl Events {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.interrupt.poll_recv(cx).is_ready() || self.terminate.poll_recv(cx).is_ready() {
            return Poll::Ready(Event::Signal);
        }
        if let Some(prewarm) = &mut self.prewarm
            && let Poll::Ready(done) = Pin::new(prewarm).poll(cx)
        {
            self.prewarm = None;
            if let Ok(warmed) = done {
                return Poll::Ready(Event::Told(Notice::Prewarmed(warmed)));
            }
        }
        if let Poll::Ready(Some(answered)) = self.told.poll_recv(cx) {
            return Poll::Ready(Event::Told(Notice::Answered(answered)));
        }
        let Some(listener) = &self.listener else { return Poll::Pending };
        listener.poll_accept(cx).map(|client| Event::Client(client.map(|(stream, _)| stream)))
    }
}

async fn until_stopped(mut stop: watch::Receiver<bool>) {
    // Nobody is left who could stop it if this fails.
    if stop.wait_for(|is_stopped| *is_stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Speaks with a client until it goes, or the server ends.
async fn converse(
    stream: TcpStream,
    shared: Arc<Shared>,
    _place: OwnedSemaphorePermit,
    ending: watch::Receiver<bool>,
) {
    // Answers are whole: waiting for more to send would only delay them.
    drop(stream.set_nodelay(true));
    let limits = shared.limits.clone();
    let socket = Socket::new(stream, limits.write_time);
    let service = service_fn(move |request| respond(Arc::clone(&shared), request, Instant::now()));
    let connection = http1::Builder::new()
        .timer(RuntimeTimer)
        .header_read_timeout(limits.request_time)
        .max_header_size(limits.header_bytes)
        .half_close(true)
        .pipeline_flush(true)
        .serve_connection(socket, service);
    let mut connection = pin!(connection);
    let mut ended = pin!(until_stopped(ending));
    let mut is_ending = false;
    let whole = poll_fn(|cx| {
        if !is_ending && ended.as_mut().poll(cx).is_ready() {
            is_ending = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    });
    // What went wrong with one connection is between it and its client.
    drop(whole.await);
}

/// Tells a client to come back later.
async fn turn_away(stream: TcpStream) {
    let said = async {
        stream.writable().await?;
        stream.try_write(TURNED_AWAY)?;
        // Closing over what is unread would take the answer back.
        let mut unread = [0; 4096];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut unread) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    drop(tokio::time::timeout(BREATH * 5, said).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_hears_all_of_it() {
        let text = std::str::from_utf8(TURNED_AWAY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
