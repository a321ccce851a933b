//! What is new each time: IDs, serial numbers, secrets. The same seed brings the same.

/// The source of what is new.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// How many IDs were given.
    ids: u64,
    dice: fastrand::Rng,
}

impl Fresh {
    /// A source that begins from a number.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            ids: 0,
            dice: fastrand::Rng::with_seed(seed),
        }
    }

    /// A resource ID.
    pub(crate) fn id(&mut self) -> String {
        self.ids += 1;
        format!("SBX{:07}", self.ids)
    }

    /// A serial number. The last bit keeps it odd, so that none ends in zeros that someone may trim.
    pub(crate) fn serial(&mut self) -> u64 {
        self.dice.u64(1 << 60..1 << 62) | 1
    }

    /// So many letters and digits.
    pub(crate) fn noise(&mut self, length: usize) -> String {
        (0..length).map(|_| self.dice.alphanumeric()).collect()
    }

    /// So many hexadecimal digits.
    pub(crate) fn hexadecimal(&mut self, length: usize) -> String {
        (0..length).map(|_| self.dice.digit(16)).collect()
    }

    /// A UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hexadecimal(32);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// Bytes.
    pub(crate) fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.dice.fill(&mut bytes);
        bytes
    }

    /// Whether something happens that does so in so many of a hundred cases.
    pub(crate) fn happens(&mut self, percent: u8) -> bool {
        self.dice.u8(0..100) < percent
    }
}
