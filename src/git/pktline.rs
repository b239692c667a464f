//! Git's pkt-lines: packets of bytes, each after its own length (gitprotocol-common(5)).

use std::io::{self, Read, Write};

/// The digits of a length, which count themselves.
const LENGTH_DIGITS: usize = 4;
/// The most bytes of one packet, with its length and without.
const MAX_PACKET: usize = 65_520;
const MAX_DATA: usize = MAX_PACKET - LENGTH_DIGITS;

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// Some bytes.
    Data(&'a [u8]),
    /// The end of a list.
    Flush,
}

/// Reads packets off a stream.
#[derive(Debug)]
pub(crate) struct PacketReader<R> {
    input: R,
    buffer: Vec<u8>,
}

impl<R: Read> PacketReader<R> {
    /// Returns a reader of `input`, which had better be buffered.
    pub(crate) fn new(input: R) -> PacketReader<R> {
        PacketReader { input, buffer: vec![0; MAX_DATA] }
    }

    /// Returns the next packet; `None` where the stream ends between two.
    ///
    /// # Errors
    /// `InvalidData` if there is no length where one must be, `UnexpectedEof` if the stream ends
    /// within a packet, and those of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<Packet<'_>>> {
        let mut digits = [0; LENGTH_DIGITS];
        match crate::disk::read_full(&mut self.input, &mut digits)? {
            0 => return Ok(None),
            LENGTH_DIGITS => {}
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        let length = match read_length(digits) {
            Some(0) => return Ok(Some(Packet::Flush)),
            Some(length @ LENGTH_DIGITS..=MAX_PACKET) => length - LENGTH_DIGITS,
            // 1 to 3 are the delimiters of other protocols.
            _ => {
                let shown = digits.escape_ascii();
                let reason = format!("`{shown}` is not the length of a packet");
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
        };
        let data = &mut self.buffer[..length];
        self.input.read_exact(data)?;
        Ok(Some(Packet::Data(data)))
    }
}

fn read_length(digits: [u8; LENGTH_DIGITS]) -> Option<usize> {
    digits.iter().try_fold(0, |length, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(length * 16 + value as usize)
    })
}

/// Writes packets onto a stream.
#[derive(Debug)]
pub(crate) struct PacketWriter<W: Write> {
    output: io::BufWriter<W>,
}

impl<W: Write> PacketWriter<W> {
    /// Returns a writer onto `output`, which need not be buffered.
    pub(crate) fn new(output: W) -> PacketWriter<W> {
        PacketWriter { output: io::BufWriter::with_capacity(MAX_PACKET, output) }
    }

    /// Writes all of `bytes`, as many packets as it takes; none for none.
    pub(crate) fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(MAX_DATA) {
            write!(self.output, "{:04x}", piece.len() + LENGTH_DIGITS)?;
            self.output.write_all(piece)?;
        }
        Ok(())
    }

    /// Writes one line as a packet, with its line end.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.data(format!("{text}\n").as_bytes())
    }

    /// Writes all that `input` holds.
    pub(crate) fn copy(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let mut buffer = vec![0; MAX_DATA];
        loop {
            match crate::disk::read_full(input, &mut buffer)? {
                0 => return Ok(()),
                filled => self.data(&buffer[..filled])?,
            }
        }
    }

    /// Ends a list.
    pub(crate) fn flush_packet(&mut self) -> io::Result<()> {
        self.output.write_all(b"0000")
    }

    /// Hands on what is still in the buffer.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns what a stream holds, a flush as `None`.
    fn read(bytes: &[u8]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let mut reader = PacketReader::new(bytes);
        let mut packets = Vec::new();
        while let Some(packet) = reader.next()? {
            packets.push(match packet {
                Packet::Data(data) => Some(data.to_owned()),
                Packet::Flush => None,
            });
        }
        Ok(packets)
    }

    #[test]
    fn packets_are_spelled_as_git_does() {
        let mut bytes = Vec::new();
        let mut writer = PacketWriter::new(&mut bytes);
        writer.line("version=2").unwrap();
        writer.data(b"").unwrap();
        writer.flush_packet().unwrap();
        writer.send().unwrap();
        drop(writer);
        assert_eq!(bytes, b"000eversion=2\n0000");
        let packets = read(b"0006a\n0004FFF0").map_err(|error| error.kind());
        assert_eq!(packets, Err(io::ErrorKind::UnexpectedEof), "capitals are digits, too");
        assert_eq!(read(b"0006a\n00040000").unwrap(), [Some(b"a\n".to_vec()), Some(vec![]), None]);
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for (bytes, kind, why) in [
            (&b"0001"[..], io::ErrorKind::InvalidData, "a delimiter is of another protocol"),
            (b"0003", io::ErrorKind::InvalidData, "a length counts its own digits"),
            (b"fff1", io::ErrorKind::InvalidData, "no packet is longer than 65520 bytes"),
            (b"+00a", io::ErrorKind::InvalidData, "a sign is no digit"),
            (b"GET /", io::ErrorKind::InvalidData, "that is somebody else"),
            (b"00", io::ErrorKind::UnexpectedEof, "the length is torn"),
            (b"0009abc", io::ErrorKind::UnexpectedEof, "the data is torn"),
        ] {
            assert_eq!(read(bytes).unwrap_err().kind(), kind, "{why}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn data_of_any_length_comes_back(
            byte in any::<u8>(),
            length in prop_oneof![0..100usize, 65_500..65_530usize, 131_000..131_100usize],
        ) {
            let data = vec![byte; length];
            let mut bytes = Vec::new();
            let mut writer = PacketWriter::new(&mut bytes);
            writer.data(&data).unwrap();
            writer.flush_packet().unwrap();
            writer.copy(&mut &data[..]).unwrap();
            writer.flush_packet().unwrap();
            writer.send().unwrap();
            drop(writer);
            let packets = read(&bytes).unwrap();
            let lists: Vec<Vec<u8>> = packets
                .split(Option::is_none)
                .map(|list| list.iter().flatten().flatten().copied().collect())
                .collect();
            prop_assert_eq!(lists, [data.clone(), data, Vec::new()]);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(read(&bytes));
        }
    }
}
