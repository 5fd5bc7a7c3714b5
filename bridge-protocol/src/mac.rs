//! An Ethernet address and its text, `02:53:50:00:00:02`.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An Ethernet (MAC) address. In JSON it is the text `02:53:50:00:00:02`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address that every station listens to.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Whether it names a group of stations (broadcast included), so cannot be the source of a frame.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it is the all-zero address, which names nobody.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The text was not six bytes of two hexadecimal digits joined by colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacError;

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an Ethernet address such as 02:53:50:00:00:02")
    }
}

impl core::error::Error for MacError {}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Mac, MacError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(MacError)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(MacError);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| MacError)?;
        }
        match parts.next() {
            None => Ok(Mac(bytes)),
            Some(_) => Err(MacError),
        }
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Mac, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        let mac = Mac([0x02, 0x53, 0x50, 0, 0xab, 2]);
        assert_eq!(mac.to_string(), "02:53:50:00:ab:02");
        assert_eq!("02:53:50:00:AB:02".parse(), Ok(mac));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "02:53:50:00:00",
            "02:53:50:00:00:02:03",
            "2:53:50:0:0:2",
            "+2:53:50:00:00:02",
            "02-53-50-00-00-02",
            "é2:53:50:00:00:02",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(MacError), "{text:?}");
        }
    }
}
