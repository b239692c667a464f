//! A wire between a client and a server: it counts what passes, and breaks where a test says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    Never,
    /// In a push, once the client has sent so many bytes.
    Push {
        after: u64,
        times: usize,
    },
    /// In a fetch, once the server has sent so many bytes after what the client wants.
    Fetch {
        after: u64,
        times: usize,
    },
    /// In a push, when the server is done, but before the client hears of it.
    Report {
        times: usize,
    },
}

/// A wire to a server, at a port of its own.
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    fault: Break,
    /// How many connections will still break.
    left: AtomicUsize,
    broken: AtomicUsize,
    sent: AtomicU64,
    received: AtomicU64,
    /// First lines of HTTP requests.
    requests: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl Wire {
    /// Lays a wire to a port of this machine.
    pub fn to(server: u16, fault: Break) -> Wire {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let times = match fault {
            Break::Never => 0,
            Break::Push { times, .. } | Break::Fetch { times, .. } | Break::Report { times } => {
                times
            }
        };
        let shared = Arc::new(Shared {
            fault,
            left: AtomicUsize::new(times),
            broken: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            requests: Mutex::new(Vec::new()),
            is_over: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ours.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
                    continue;
                };
                connect(&ours, &client, &server);
            }
        });
        Wire { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Breaks no more.
    pub fn mend(&self) {
        self.shared.left.store(0, Ordering::SeqCst);
    }

    /// How many bytes clients have sent.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// How many bytes the server has sent.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// How many connections it has broken.
    pub fn broken(&self) -> usize {
        self.shared.broken.load(Ordering::SeqCst)
    }

    /// The requests of HTTP so far: method and path.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for clients.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

/// What is known of one connection, by both of its directions.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Bytes that the client sent since it asked for what may break.
    asked: AtomicU64,
    /// Bytes that the server answered since then.
    answered: AtomicU64,
    is_asking: AtomicBool,
    is_http: AtomicBool,
    /// Whether the server has said something, so that the next of the client is its answer.
    has_spoken: AtomicBool,
    /// Whether what the server says is kept from the client.
    is_deaf: AtomicBool,
}

fn connect(shared: &Arc<Shared>, client: &TcpStream, server: &TcpStream) {
    let (Ok(client), Ok(server)) = (client.try_clone(), server.try_clone()) else { return };
    let connection = Arc::new(Connection {
        client,
        server,
        asked: AtomicU64::new(0),
        answered: AtomicU64::new(0),
        is_asking: AtomicBool::new(false),
        is_http: AtomicBool::new(false),
        has_spoken: AtomicBool::new(false),
        is_deaf: AtomicBool::new(false),
    });
    for is_answer in [false, true] {
        let (shared, connection) = (Arc::clone(shared), Arc::clone(&connection));
        thread::spawn(move || {
            if is_answer {
                connection.pass_answers(&shared);
            } else {
                connection.pass_requests(&shared);
            }
        });
    }
}

impl Connection {
    fn pass_requests(&self, shared: &Shared) {
        let mut buffer = [0; 4096];
        while let Some(bytes) = read(&self.client, &mut buffer) {
            shared.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            self.look_at(shared, bytes);
            if self.is_asking.load(Ordering::SeqCst) {
                let asked = self.asked.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                match shared.fault {
                    Break::Push { after, .. }
                        if asked + bytes.len() as u64 > after && shared.take() =>
                    {
                        let rest = usize::try_from(after.saturating_sub(asked)).unwrap();
                        drop((&self.server).write_all(&bytes[..rest.min(bytes.len())]));
                        return self.cut(shared);
                    }
                    // The client answers what the server has, or it is a request of HTTP, which
                    // says all at once.
                    Break::Report { .. }
                        if (self.is_http() || self.has_spoken.load(Ordering::SeqCst))
                            && !self.is_deaf.load(Ordering::SeqCst)
                            && shared.take() =>
                    {
                        self.is_deaf.store(true, Ordering::SeqCst);
                    }
                    _ => {}
                }
            }
            if (&self.server).write_all(bytes).is_err() {
                break;
            }
        }
        drop(self.server.shutdown(Shutdown::Write));
    }

    fn pass_answers(&self, shared: &Shared) {
        let mut buffer = [0; 4096];
        while let Some(bytes) = read(&self.server, &mut buffer) {
            shared.received.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            if self.is_deaf.load(Ordering::SeqCst) {
                if self.is_http() {
                    return self.cut(shared);
                }
                continue;
            }
            self.has_spoken.store(true, Ordering::SeqCst);
            if let Break::Fetch { after, .. } = shared.fault
                && self.is_asking.load(Ordering::SeqCst)
                && self.answered.fetch_add(bytes.len() as u64, Ordering::SeqCst)
                    + bytes.len() as u64
                    > after
                && shared.take()
            {
                return self.cut(shared);
            }
            if (&self.client).write_all(bytes).is_err() {
                break;
            }
        }
        if self.is_deaf.load(Ordering::SeqCst) {
            return self.cut(shared);
        }
        drop(self.client.shutdown(Shutdown::Write));
    }

    /// Learns from what a client sends what it asks for.
    fn look_at(&self, shared: &Shared, bytes: &[u8]) {
        let is_request = bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ");
        if is_request || bytes.starts_with(b"HEAD ") {
            self.is_http.store(true, Ordering::SeqCst);
            let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            let line = line.strip_suffix(" HTTP/1.1").unwrap_or(&line);
            shared.requests.lock().unwrap().push(line.to_owned());
        }
        let wanted: &[u8] = match shared.fault {
            Break::Never => return,
            Break::Fetch { .. } => b"git-upload-pack",
            Break::Push { .. } | Break::Report { .. } => b"git-receive-pack",
        };
        let names_it = memchr::memmem::find(bytes, wanted).is_some();
        if names_it && (!self.is_http() || bytes.starts_with(b"POST ")) {
            self.is_asking.store(true, Ordering::SeqCst);
        }
    }

    fn is_http(&self) -> bool {
        self.is_http.load(Ordering::SeqCst)
    }

    fn cut(&self, shared: &Shared) {
        shared.broken.fetch_add(1, Ordering::SeqCst);
        drop(self.client.shutdown(Shutdown::Both));
        drop(self.server.shutdown(Shutdown::Both));
    }
}

impl Shared {
    /// Returns whether this connection is one of those that break.
    fn take(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}

fn read<'b>(mut from: &TcpStream, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let count = from.read(buffer).ok().filter(|count| *count > 0)?;
    Some(&buffer[..count])
}
