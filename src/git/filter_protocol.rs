//! The server side of git's long-running filter protocol, version 2 (gitattributes(5), "Long
//! Running Filter Process").
//!
//! Git starts one process for all files of a command. For each file it sends the whole content
//! before it reads any of the answer, so a content is taken in to its end before anything is said.
//! Contents beyond a limit wait in a file and are handed back as they were.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use super::pktline::{Packet, PacketReader, PacketWriter};
use crate::disk;
use crate::error::{Error, Result};

/// What git wants done to a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterCommand {
    /// From the work tree into the repository.
    Clean,
    /// From the repository into the work tree.
    Smudge,
}

impl FilterCommand {
    const ALL: [FilterCommand; 2] = [FilterCommand::Clean, FilterCommand::Smudge];

    /// Returns git's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FilterCommand::Clean => "clean",
            FilterCommand::Smudge => "smudge",
        }
    }
}

/// One content that git wants filtered.
#[derive(Debug)]
pub(crate) struct FilterRequest<'a> {
    pub(crate) command: FilterCommand,
    /// The file, relative to the top of the work tree, in the bytes that git has.
    pub(crate) pathname: &'a [u8],
    /// What else git told, for example `ref`, `treeish` and `blob` of a checkout.
    #[expect(dead_code, reason = "git says it, and no answer needs it yet")]
    pub(crate) details: &'a [(String, Vec<u8>)],
    pub(crate) content: FilterContent<'a>,
}

/// The bytes of a file, if they are within the limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FilterContent<'a> {
    Whole(&'a [u8]),
    /// Not shown; to be answered with [`FilterAnswer::Unchanged`].
    TooLarge {
        bytes: u64,
    },
    /// Too large, and it could not be spooled either: a failure, whatever the answer.
    Lost {
        reason: &'a io::Error,
    },
}

/// What becomes of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilterAnswer {
    /// These bytes instead.
    Content(Vec<u8>),
    /// The same bytes.
    Unchanged,
    /// No answer for this one: git takes the same bytes, or gives up if the filter is required.
    Failed,
}

/// How much is held in memory, and where the rest waits.
#[derive(Debug, Clone)]
pub(crate) struct FilterLimits {
    /// The longest content that the handler is shown, in bytes.
    pub(crate) in_memory: usize,
    /// A folder for contents beyond that; nothing stays in it.
    pub(crate) spool_folder: PathBuf,
}

/// Answers git until it closes the pipe, and returns how many contents were filtered.
///
/// A git that goes away in the middle is no failure: it was interrupted, and has said so.
///
/// # Errors
/// [`Error::FilterProtocol`] if the other side is no git, or does not speak version 2.
pub(crate) fn serve_filter(
    input: impl Read,
    output: impl Write,
    limits: &FilterLimits,
    mut handler: impl FnMut(FilterRequest<'_>) -> FilterAnswer,
) -> Result<u64> {
    let mut server =
        Server { input: PacketReader::new(input), output: PacketWriter::new(output), limits };
    server.shake_hands().map_err(broken("handshake"))?;
    let mut answered = 0;
    loop {
        match server.answer_one(&mut handler) {
            Ok(true) => answered += 1,
            Ok(false) => return Ok(answered),
            Err((_, source)) if has_gone(&source) => return Ok(answered),
            Err((step, source)) => return Err(broken(step)(source)),
        }
    }
}

fn broken(step: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::FilterProtocol { step, source }
}

fn has_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
}

fn unexpected(what: &str, found: &[u8]) -> io::Error {
    let reason = format!("expected {what}, found `{}`", found.escape_ascii());
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// A failure and the step it came at.
type StepResult<T> = std::result::Result<T, (&'static str, io::Error)>;

struct Server<'a, R, W: Write> {
    input: PacketReader<R>,
    output: PacketWriter<W>,
    limits: &'a FilterLimits,
}

/// A content that was taken in.
enum Taken {
    Memory(Vec<u8>),
    Spooled(File, u64),
    /// It could not be kept; git sends it to its end all the same.
    Lost(io::Error),
}

impl<R: Read, W: Write> Server<'_, R, W> {
    fn shake_hands(&mut self) -> io::Result<()> {
        let greeting = self.read_list()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match greeting.split_first() {
            Some((client, _)) if client == b"git-filter-client" => {}
            other => {
                let found = other.map_or(&[][..], |(client, _)| client);
                return Err(unexpected("`git-filter-client`", found));
            }
        }
        if !greeting.iter().any(|line| line == b"version=2") {
            return Err(unexpected("`version=2`", &greeting.join(&b' ')));
        }
        self.write_list(["git-filter-server".into(), "version=2".into()])?;
        let offered = self.read_list()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let capability = |command: FilterCommand| format!("capability={}", command.name());
        // Not `delay`: an answer takes less time than asking again for it.
        let ours = FilterCommand::ALL.map(capability).into_iter();
        self.write_list(ours.filter(|ours| offered.iter().any(|line| line == ours.as_bytes())))
    }

    /// Serves one content; `false` if there is no other.
    fn answer_one(
        &mut self,
        handler: &mut impl FnMut(FilterRequest<'_>) -> FilterAnswer,
    ) -> StepResult<bool> {
        let Some(lines) = self.read_list().map_err(|error| ("command", error))? else {
            return Ok(false);
        };
        let (command, pathname, details) =
            read_command(lines).map_err(|error| ("command", error))?;
        let taken = self.take_content().map_err(|error| ("content", error))?;
        let content = match &taken {
            Taken::Memory(bytes) => FilterContent::Whole(bytes),
            Taken::Spooled(_, bytes) => FilterContent::TooLarge { bytes: *bytes },
            Taken::Lost(reason) => FilterContent::Lost { reason },
        };
        let request = FilterRequest { command, pathname: &pathname, details: &details, content };
        let answer = match (handler(request), &taken) {
            (FilterAnswer::Content(_) | FilterAnswer::Unchanged, Taken::Lost(_)) => {
                FilterAnswer::Failed
            }
            (answer, _) => answer,
        };
        self.write_answer(taken, &answer).map_err(|error| ("answer", error))?;
        Ok(true)
    }

    fn write_answer(&mut self, taken: Taken, answer: &FilterAnswer) -> io::Result<()> {
        let status = match answer {
            FilterAnswer::Failed => "status=error",
            FilterAnswer::Content(_) | FilterAnswer::Unchanged => "status=success",
        };
        self.output.line(status)?;
        self.output.flush_packet()?;
        match (answer, taken) {
            (FilterAnswer::Failed, _) => return self.output.send(),
            (FilterAnswer::Content(bytes), _) => self.output.data(bytes)?,
            (FilterAnswer::Unchanged, Taken::Memory(bytes)) => self.output.data(&bytes)?,
            (FilterAnswer::Unchanged, Taken::Spooled(mut file, _)) => {
                file.rewind()?;
                self.output.copy(&mut file)?;
            }
            (FilterAnswer::Unchanged, Taken::Lost(_)) => unreachable!("that is a failure"),
        }
        self.output.flush_packet()?;
        // An empty list: the status stays what it was.
        self.output.flush_packet()?;
        self.output.send()
    }

    /// Reads a content to its end.
    fn take_content(&mut self) -> io::Result<Taken> {
        let mut taken = Taken::Memory(Vec::new());
        loop {
            let data = match self.input.next()? {
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(Packet::Flush) => return Ok(taken),
                Some(Packet::Data(data)) => data,
            };
            taken = match taken {
                Taken::Memory(mut bytes) if bytes.len() + data.len() <= self.limits.in_memory => {
                    bytes.extend_from_slice(data);
                    Taken::Memory(bytes)
                }
                Taken::Memory(bytes) => spool(self.limits, &bytes, data),
                Taken::Spooled(mut file, length) => match file.write_all(data) {
                    Ok(()) => Taken::Spooled(file, length + data.len() as u64),
                    Err(error) => Taken::Lost(error),
                },
                lost @ Taken::Lost(_) => lost,
            };
        }
    }

    /// Reads lines up to a flush packet; `None` where the stream ends before the first.
    fn read_list(&mut self) -> io::Result<Option<Vec<Vec<u8>>>> {
        let mut lines = Vec::new();
        loop {
            match self.input.next()? {
                None if lines.is_empty() => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(Packet::Flush) => return Ok(Some(lines)),
                Some(Packet::Data(line)) => {
                    lines.push(line.strip_suffix(b"\n").unwrap_or(line).to_owned());
                }
            }
        }
    }

    fn write_list(&mut self, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
        for line in lines {
            self.output.line(&line)?;
        }
        self.output.flush_packet()?;
        self.output.send()
    }
}

fn spool(limits: &FilterLimits, first: &[u8], next: &[u8]) -> Taken {
    let write = || {
        let mut file = disk::unnamed_file(&limits.spool_folder)?;
        file.write_all(first)?;
        file.write_all(next)?;
        Ok(file)
    };
    match write() {
        Ok(file) => Taken::Spooled(file, (first.len() + next.len()) as u64),
        Err(error) => Taken::Lost(error),
    }
}

type Details = Vec<(String, Vec<u8>)>;

fn read_command(lines: Vec<Vec<u8>>) -> io::Result<(FilterCommand, Vec<u8>, Details)> {
    let (mut command, mut pathname, mut details) = (None, None, Details::new());
    for line in lines {
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
            return Err(unexpected("`key=value`", &line));
        };
        let value = &line[equals + 1..];
        match &line[..equals] {
            b"command" => {
                let known = FilterCommand::ALL.into_iter();
                command = known.into_iter().find(|command| command.name().as_bytes() == value);
                if command.is_none() {
                    return Err(unexpected("`command=clean` or `command=smudge`", &line));
                }
            }
            b"pathname" => pathname = Some(value.to_owned()),
            key => details.push((String::from_utf8_lossy(key).into_owned(), value.to_owned())),
        }
    }
    let command = command.ok_or_else(|| unexpected("`command`", b""))?;
    let pathname = pathname.ok_or_else(|| unexpected("`pathname`", b""))?;
    Ok((command, pathname, details))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::path::Path;

    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    const HELLO: &str = "0016git-filter-client\n000eversion=2\n0000\
                         0015capability=clean\n0016capability=smudge\n0015capability=delay\n0000";
    const HELLO_BACK: &str = "0016git-filter-server\n000eversion=2\n0000\
                              0015capability=clean\n0016capability=smudge\n0000";

    fn limits(in_memory: usize) -> FilterLimits {
        FilterLimits { in_memory, spool_folder: std::env::temp_dir() }
    }

    /// What the tests' filter does: it takes out lines that begin with `out:`.
    fn without_outputs(request: &FilterRequest<'_>) -> FilterAnswer {
        let FilterContent::Whole(content) = request.content else {
            return FilterAnswer::Unchanged;
        };
        if content.starts_with(b"fail") {
            return FilterAnswer::Failed;
        }
        if request.command == FilterCommand::Smudge {
            return FilterAnswer::Content([content, b"# smudged\n"].concat());
        }
        let lines = content.split_inclusive(|byte| *byte == b'\n');
        let kept = lines.filter(|line| !line.starts_with(b"out:"));
        FilterAnswer::Content(kept.flatten().copied().collect())
    }

    /// Serves a transcript, each packet of it a line without its length.
    fn served(lines: &str, in_memory: usize) -> (Result<u64>, String) {
        let mut input = HELLO.to_owned();
        for line in lines.split_inclusive('\n') {
            match line {
                "0000\n" => input.push_str("0000"),
                line => {
                    let length = format!("{:04x}", line.len() + 4);
                    input.push_str(&length);
                    input.push_str(line);
                }
            }
        }
        let mut output = Vec::new();
        let answered = serve_filter(input.as_bytes(), &mut output, &limits(in_memory), |request| {
            without_outputs(&request)
        });
        let output = String::from_utf8(output).unwrap();
        (answered, output.strip_prefix(HELLO_BACK).unwrap().to_owned())
    }

    #[test]
    fn contents_are_answered_one_after_the_other() {
        let (answered, output) = served(
            "command=clean\npathname=a.ipynb\n0000\nin: 1\nout: 2\n0000\n\
             command=smudge\npathname=b.ipynb\nref=refs/heads/main\n0000\n0000\n",
            1000,
        );
        assert_eq!(answered.unwrap(), 2);
        assert_eq!(
            output,
            "0013status=success\n0000000ain: 1\n00000000\
             0013status=success\n0000000e# smudged\n00000000"
        );
    }

    #[test]
    fn what_git_tells_beside_the_path_is_handed_on() {
        let lines = [
            &b"command=smudge"[..],
            b"pathname=odd=name \xff.ipynb",
            b"ref=refs/heads/main",
            b"blob=1234",
        ];
        let (command, pathname, details) =
            read_command(lines.map(<[u8]>::to_owned).to_vec()).unwrap();
        assert_eq!(command, FilterCommand::Smudge);
        assert_eq!(pathname, b"odd=name \xff.ipynb");
        let expected = [("ref", "refs/heads/main"), ("blob", "1234")];
        assert_eq!(details, expected.map(|(key, value)| (key.into(), value.as_bytes().to_owned())));
    }

    #[test]
    fn failures_end_nothing_but_their_own_content() {
        let (answered, output) = served(
            "command=clean\npathname=a\n0000\nfail\n0000\n\
             command=clean\npathname=b\n0000\nin: 1\n0000\n",
            1000,
        );
        assert_eq!(answered.unwrap(), 2);
        assert_eq!(output, "0011status=error\n00000013status=success\n0000000ain: 1\n00000000");
    }

    #[test]
    fn contents_beyond_the_limit_come_back_as_they_were() {
        let line = format!("out: {}\n", "x".repeat(60_000));
        let request = format!("command=clean\npathname=a\n0000\n{line}{line}{line}0000\n");
        let (answered, output) = served(&request, 100_000);
        assert_eq!(answered.unwrap(), 1);
        let mut reader = PacketReader::new(output.as_bytes());
        let mut content = Vec::new();
        while let Some(packet) = reader.next().unwrap() {
            if let Packet::Data(data) = packet {
                content.extend_from_slice(data);
            }
        }
        let expected = format!("status=success\n{line}{line}{line}");
        assert!(content == expected.as_bytes(), "{} bytes", content.len());
        assert_eq!(served(&request, 200_000).1, "0013status=success\n000000000000");
    }

    #[test]
    fn a_content_that_cannot_be_spooled_fails_alone() {
        let mut limits = limits(3);
        limits.spool_folder = "/nowhere/at/all".into();
        let input = format!(
            "{HELLO}0012command=clean\n000fpathname=a\n00000008four000bsixteen0000\
             0012command=clean\n000fpathname=a\n00000006ok0000"
        );
        let mut output = Vec::new();
        let mut lost = 0;
        let answered = serve_filter(input.as_bytes(), &mut output, &limits, |request| {
            lost += usize::from(matches!(request.content, FilterContent::Lost { .. }));
            FilterAnswer::Unchanged
        });
        assert_eq!((answered.unwrap(), lost), (2, 1));
        let expected = "0011status=error\n00000013status=success\n00000006ok00000000";
        assert_eq!(String::from_utf8(output).unwrap(), format!("{HELLO_BACK}{expected}"));
    }

    #[test]
    fn a_git_that_goes_away_is_no_failure() {
        for (lines, expected, why) in [
            ("", 0, "it had nothing to filter"),
            ("command=clean\n", 0, "within a command"),
            ("command=clean\npathname=a\n0000\nin: 1\n", 0, "within a content"),
        ] {
            assert_eq!(served(lines, 1000).0.unwrap(), expected, "{why}");
        }
        let request = format!("{HELLO}0012command=clean\n000fpathname=a\n00000000");
        let mut room = [0; HELLO_BACK.len()];
        let full = serve_filter(request.as_bytes(), &mut room[..], &limits(9), |_| {
            FilterAnswer::Unchanged
        });
        assert_eq!(full.unwrap_err().code(), "filter_protocol", "but a full disk is one");
    }

    #[test]
    fn whoever_does_not_speak_the_protocol_is_refused() {
        for (input, why) in [
            ("", "nobody is there"),
            ("hello?", "no packets"),
            ("0015git-credential-x\n0000", "another client"),
            ("0016git-filter-client\n000eversion=3\n0000", "another version"),
        ] {
            let mut output = Vec::new();
            let failure = serve_filter(input.as_bytes(), &mut output, &limits(9), |_| {
                FilterAnswer::Unchanged
            });
            assert_eq!(failure.unwrap_err().code(), "filter_protocol", "{why}");
            assert!(output.is_empty(), "{why}");
        }
        let (refused, _) = served("command=list_available_blobs\n0000\n", 9);
        assert!(matches!(refused, Err(Error::FilterProtocol { step: "command", .. })));
    }

    /// The filter that git starts in the test below: this very test, in another process. Its
    /// answers go to the file descriptor 3, as the test harness prints to standard output.
    #[test]
    #[ignore = "git runs it in `git_itself_is_served`"]
    fn plays_the_filter() {
        let Ok(output) = OpenOptions::new().write(true).open("/dev/fd/3") else { return };
        let mut calls = OpenOptions::new().append(true).create(true).open("../calls").unwrap();
        let answered = serve_filter(io::stdin().lock(), output, &limits(1 << 20), |request| {
            let path = String::from_utf8_lossy(request.pathname).into_owned();
            writeln!(calls, "{} {path}", request.command.name()).unwrap();
            without_outputs(&request)
        });
        writeln!(calls, "answered {}", answered.unwrap()).unwrap();
    }

    #[test]
    fn git_itself_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        let top = folder.path().join("host");
        let run = |args: &[&str]| run(&git, &top, args);
        disk::create_folders(&top).unwrap();
        run(&["init", "-q"]);
        let this = std::env::current_exe().unwrap();
        let test = "git::filter_protocol::tests::plays_the_filter";
        let filter =
            format!("exec 3>&1; '{}' --exact {test} --ignored >&2", this.to_str().unwrap());
        run(&["config", "filter.recell.process", &filter]);
        run(&["config", "filter.recell.required", "true"]);
        let write =
            |name: &str, text: &str| disk::replace(&top.join(name), text.as_bytes()).unwrap();
        write(".gitattributes", "*.ipynb filter=recell\n");
        write("a.ipynb", "in: 1\nout: 2\n");
        write("empty.ipynb", "");
        write("long name.ipynb", &"in: 1\nout: 2\n".repeat(70_000));
        write("too long.ipynb", &"in: 1\nout: 2\n".repeat(90_000));
        write("plain.txt", "out: 2\n");
        run(&["add", "."]);
        assert_eq!(run(&["show", ":a.ipynb"]), "in: 1");
        assert_eq!(run(&["show", ":empty.ipynb"]), "");
        assert_eq!(run(&["show", ":plain.txt"]), "out: 2");
        assert_eq!(run(&["show", ":long name.ipynb"]).len(), 6 * 70_000 - 1);
        assert_eq!(run(&["show", ":too long.ipynb"]).len(), 13 * 90_000 - 1);
        let calls = read_calls(folder.path());
        assert_eq!(calls.matches("clean ").count(), 4, "{calls}");
        assert_eq!(calls.matches("answered 4").count(), 1, "one process for all: {calls}");
        run(&["commit", "-qm", "one"]);
        disk::remove(&top.join("a.ipynb")).unwrap();
        run(&["checkout", "a.ipynb"]);
        assert_eq!(disk::read(&top.join("a.ipynb")).unwrap(), b"in: 1\n# smudged\n");
        write("b.ipynb", "fail\n");
        let refused = git.command(["add", "b.ipynb"]).in_folder(&top).run();
        assert_eq!(refused.unwrap_err().code(), "git_failed", "the filter is required here");
    }

    fn read_calls(folder: &Path) -> String {
        String::from_utf8(disk::read(&folder.join("calls")).unwrap()).unwrap()
    }
}
