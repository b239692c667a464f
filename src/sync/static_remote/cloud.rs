//! A static remote in an object store. The only home of the asynchronous runtime, which runs while
//! a call waits, and not otherwise.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body::Body as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt,
    PutMode, PutOptions, RetryConfig, UpdateVersion,
};
use tokio::runtime::Runtime;

use super::address::StaticAddress;
use super::http::agent;
use super::storage::{Answer, Listed, Span, Stored, VersionTag};
use crate::clock::Timestamp;
use crate::git::GitEnvironment;

/// A file that no publisher reads: writing it under a condition that cannot hold tells whether
/// conditions hold at all.
pub(super) const PROBE: &str = "info/recell-probe";

/// How often, and how long, a request is repeated that failed for no fault of ours.
const RETRIES: usize = 4;
const RETRYING: Duration = Duration::from_secs(60);

pub(super) struct Cloud {
    runtime: Runtime,
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Cloud {
    pub(super) fn open(address: &StaticAddress, environment: &GitEnvironment) -> Answer<Cloud> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let retry =
            RetryConfig { max_retries: RETRIES, retry_timeout: RETRYING, ..Default::default() };
        let (store, bucket): (Arc<dyn ObjectStore>, _) = match address {
            StaticAddress::S3(bucket) => {
                let mut builder = AmazonS3Builder::new().with_bucket_name(&bucket.name);
                for (name, value) in environment.with_prefix("AWS_") {
                    if let Ok(key) = name.to_ascii_lowercase().parse() {
                        builder = builder.with_config(key, value);
                    }
                }
                let built = builder.with_retry(retry).with_http_connector(Connector).build()?;
                (Arc::new(built), bucket)
            }
            StaticAddress::Google(bucket) => {
                let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(&bucket.name);
                for (name, value) in environment.with_prefix("GOOGLE_") {
                    if let Ok(key) = name.to_ascii_lowercase().parse() {
                        builder = builder.with_config(key, value);
                    }
                }
                let built = builder.with_retry(retry).with_http_connector(Connector).build()?;
                (Arc::new(built), bucket)
            }
            StaticAddress::Azure(bucket) => {
                let mut builder = MicrosoftAzureBuilder::new().with_container_name(&bucket.name);
                for (name, value) in environment.with_prefix("AZURE_") {
                    if let Ok(key) = name.to_ascii_lowercase().parse() {
                        builder = builder.with_config(key, value);
                    }
                }
                let built = builder.with_retry(retry).with_http_connector(Connector).build()?;
                (Arc::new(built), bucket)
            }
            StaticAddress::Folder(_) | StaticAddress::Web(_) => {
                return Err("it is in no object store".into());
            }
        };
        Ok(Cloud { runtime, store, prefix: bucket.prefix.clone() })
    }

    fn key(&self, path: &str) -> Path {
        if self.prefix.is_empty() {
            Path::from(path)
        } else {
            Path::from(format!("{}/{path}", self.prefix))
        }
    }

    pub(super) fn get(&self, path: &str) -> Answer<Option<Stored>> {
        let key = self.key(path);
        let found = self.runtime.block_on(async {
            let answer = self.store.get(&key).await?;
            let tag = VersionTag {
                e_tag: answer.meta.e_tag.clone(),
                version: answer.meta.version.clone(),
            };
            Ok(Stored { bytes: answer.bytes().await?.into(), tag })
        });
        if_there(found)
    }

    pub(super) fn get_span(&self, span: &Span) -> Answer<Option<Vec<u8>>> {
        let key = self.key(&span.path);
        let options = GetOptions {
            range: Some(GetRange::Bounded(span.start..span.end)),
            ..GetOptions::default()
        };
        let found = self.runtime.block_on(async {
            let bytes = self.store.get_opts(&key, options).await?.bytes().await?;
            Ok(Vec::from(bytes))
        });
        if_there(found)
    }

    pub(super) fn size(&self, path: &str) -> Answer<Option<u64>> {
        let key = self.key(path);
        if_there(self.runtime.block_on(async { Ok(self.store.head(&key).await?.size) }))
    }

    fn write(&self, path: &str, bytes: Vec<u8>, mode: PutMode) -> object_store::Result<()> {
        let key = self.key(path);
        // Caches on the way may keep what never changes, and nothing else.
        let caching = match mode {
            PutMode::Overwrite => "public, max-age=31536000, immutable",
            PutMode::Create | PutMode::Update(_) => "no-cache",
        };
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::CacheControl, caching.into());
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        self.runtime.block_on(self.store.put_opts(&key, bytes.into(), options)).map(drop)
    }

    pub(super) fn put(&self, path: &str, bytes: Vec<u8>) -> Answer<()> {
        Ok(self.write(path, bytes, PutMode::Overwrite)?)
    }

    pub(super) fn swap(
        &self,
        path: &str,
        bytes: Vec<u8>,
        expected: Option<&VersionTag>,
    ) -> Answer<bool> {
        let mode = match expected {
            None => PutMode::Create,
            Some(tag) => PutMode::Update(UpdateVersion {
                e_tag: tag.e_tag.clone(),
                version: tag.version.clone(),
            }),
        };
        match self.write(path, bytes, mode) {
            Ok(()) => Ok(true),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a write under a condition that does not hold is refused.
    pub(super) fn keeps_conditions(&self) -> Answer<bool> {
        let never = "\"00000000000000000000000000000000\"".to_owned();
        let tag = VersionTag { e_tag: Some(never), version: Some("1".into()) };
        Ok(!self.swap(PROBE, b"recell\n".to_vec(), Some(&tag))?)
    }

    pub(super) fn remove(&self, path: &str) -> Answer<()> {
        let key = self.key(path);
        if_there(self.runtime.block_on(self.store.delete(&key))).map(drop)
    }

    pub(super) fn list(&self, folder: &str) -> Answer<Vec<Listed>> {
        let key = self.key(folder);
        let found = self.runtime.block_on(self.store.list_with_delimiter(Some(&key)))?;
        let listed = found.objects.into_iter().filter_map(|object| {
            Some(Listed {
                name: object.location.filename()?.to_owned(),
                size: object.size,
                written: Timestamp::from_micros(object.last_modified.timestamp_micros()),
            })
        });
        Ok(listed.collect())
    }
}

fn if_there<T>(found: object_store::Result<T>) -> Answer<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { source, .. }) if is_no_bucket(&*source) => Err(source),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether not only the file is missing but all that it would be in: a mistyped name must not look
/// like a remote to which nothing was published yet.
fn is_no_bucket(error: &(dyn std::error::Error + 'static)) -> bool {
    const WORDS: [&str; 3] =
        ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"];
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if WORDS.iter().any(|word| text.contains(word)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Gives the object stores the same HTTP as everything else here.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        // Requests are signed for one host: an object store that redirects means another region.
        Ok(HttpClient::new(Service(agent(0))))
    }
}

#[derive(Debug)]
struct Service(ureq::Agent);

impl HttpService for Service {
    fn call<'a, 'f>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        let agent = self.0.clone();
        Box::pin(async move {
            let (head, mut body) = request.into_parts();
            let mut bytes = Vec::with_capacity(body.content_length());
            while let Some(frame) =
                std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
            {
                if let Ok(data) = frame?.into_data() {
                    bytes.extend_from_slice(&data);
                }
            }
            let exchange = move || -> Result<HttpResponse, ureq::Error> {
                let request = ureq::http::Request::from_parts(head, bytes);
                let has_body = !request.body().is_empty()
                    || matches!(request.method().as_str(), "PUT" | "POST");
                let answer =
                    if has_body { agent.run(request)? } else { agent.run(request.map(|_| ()))? };
                let (head, mut body) = answer.into_parts();
                let bytes = body.with_config().limit(u64::MAX).read_to_vec()?;
                Ok(HttpResponse::from_parts(head, bytes.into()))
            };
            let done = tokio::task::spawn_blocking(exchange).await;
            let done = done.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            done.map_err(|error| HttpError::new(kind_of(&error), error))
        })
    }
}

/// Whether a request is worth repeating, as the object store reads it.
fn kind_of(error: &ureq::Error) -> HttpErrorKind {
    match error {
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => HttpErrorKind::Connect,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            HttpErrorKind::Connect
        }
        ureq::Error::Io(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    }
}
