//! What an executable of an app shows: what it was built for, what it is entitled to, and which APIs it names.
//!
//! It is read once, from front to back, since it comes out of an archive; memory stays bounded whatever its size. Facts:
//! `mach-o/loader.h`, `mach-o/fat.h`, and `cs_blobs.h` of Apple's XNU sources.

use std::collections::BTreeSet;
use std::io::Read;

use object::Endianness;
use object::macho::{self, MachHeader32, MachHeader64};
use object::read::macho::{LoadCommandVariant, MachHeader};
use plist::Dictionary;

use crate::apis::Scanner;
use crate::der;

/// Real load commands take some tens of kilobytes.
const LARGEST_COMMANDS: u32 = 4 << 20;

/// Signatures grow with the executable: some 10 MB for the largest.
const LARGEST_SIGNATURE: u32 = 64 << 20;

/// A universal executable has two or three slices.
const MOST_SLICES: usize = 16;

const CHUNK: usize = 64 << 10;

/// What an executable shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Executable {
    /// The slices that run in a simulator only, such as `x86_64`.
    pub(crate) simulator_slices: Vec<String>,
    /// Whether it has a code signature.
    pub(crate) is_signed: bool,
    /// What the signature entitles it to.
    pub(crate) entitlements: Option<Dictionary>,
    /// The categories of required-reason APIs that it names.
    pub(crate) api_categories: BTreeSet<&'static str>,
}

/// One architecture in the file.
struct Slice {
    cpu: u32,
    offset: u64,
}

/// Where a slice's signature is, from the beginning of the slice, in bytes.
struct Commands {
    platform: Option<u32>,
    signature: Option<(u32, u32)>,
}

impl Executable {
    /// Reads an executable; `None` where it is no Mach-O file, or a damaged one.
    pub(crate) fn read(from: impl Read) -> Option<Self> {
        let mut tape = Tape {
            inner: from,
            position: 0,
            ahead: Vec::new(),
            scanner: Scanner::default(),
        };
        let mut executable = Self::default();
        let mut slices = slices(&mut tape)?;
        slices.sort_by_key(|slice| slice.offset);
        let mut is_read = false;
        for slice in slices {
            let is_intel = matches!(slice.cpu, macho::CPU_TYPE_X86 | macho::CPU_TYPE_X86_64);
            if is_intel {
                executable.simulator_slices.push(cpu_name(slice.cpu));
            }
            let Some(commands) = commands(&mut tape, slice.offset) else {
                continue;
            };
            is_read = true;
            if commands.platform.is_some_and(is_simulator) && !is_intel {
                executable
                    .simulator_slices
                    .push(format!("{} for a simulator", cpu_name(slice.cpu)));
            }
            let Some((offset, size)) = commands.signature else {
                continue;
            };
            executable.is_signed = true;
            if size <= LARGEST_SIGNATURE
                && let Some(signature) = tape.at(slice.offset.checked_add(u64::from(offset))?, size as usize)
            {
                executable.entitlements = entitlements(&signature).or(executable.entitlements);
            }
        }
        if !is_read {
            return None;
        }
        tape.finish();
        executable.api_categories = tape.scanner.found();
        Some(executable)
    }
}

fn cpu_name(cpu: u32) -> String {
    match cpu {
        macho::CPU_TYPE_X86 => "i386".to_owned(),
        macho::CPU_TYPE_X86_64 => "x86_64".to_owned(),
        macho::CPU_TYPE_ARM64 => "arm64".to_owned(),
        macho::CPU_TYPE_ARM64_32 => "arm64_32".to_owned(),
        macho::CPU_TYPE_ARM => "armv7".to_owned(),
        other => format!("CPU type {other}"),
    }
}

fn is_simulator(platform: u32) -> bool {
    matches!(
        platform,
        macho::PLATFORM_IOSSIMULATOR
            | macho::PLATFORM_TVOSSIMULATOR
            | macho::PLATFORM_WATCHOSSIMULATOR
            | macho::PLATFORM_VISIONOSSIMULATOR
    )
}

/// The slices of the file: several in a universal one, else one at its beginning.
fn slices<R: Read>(tape: &mut Tape<R>) -> Option<Vec<Slice>> {
    let head = tape.peek(8)?;
    let count = u32_be(&head, 4)? as usize;
    let size = match u32_be(&head, 0)? {
        macho::FAT_MAGIC => 20,
        macho::FAT_MAGIC_64 => 32,
        _ => {
            let cpu = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            return is_thin(&head).then(|| vec![Slice { cpu, offset: 0 }]);
        }
    };
    // Java's class files begin with the same number, and with a version where the count is.
    if count == 0 || count > MOST_SLICES {
        return None;
    }
    let table = tape.peek(8 + count * size)?;
    (0..count)
        .map(|index| {
            let entry = &table[8 + index * size..];
            let offset = match size {
                20 => u64::from(u32_be(entry, 8)?),
                _ => u64::from(u32_be(entry, 8)?) << 32 | u64::from(u32_be(entry, 12)?),
            };
            Some(Slice {
                cpu: u32_be(entry, 0)?,
                offset,
            })
        })
        .collect()
}

/// Whether these are the first bytes of an executable for one little-endian processor, as all of Apple's are today.
fn is_thin(head: &[u8]) -> bool {
    let magic = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    matches!(magic, macho::MH_MAGIC | macho::MH_MAGIC_64)
}

fn commands<R: Read>(tape: &mut Tape<R>, offset: u64) -> Option<Commands> {
    tape.skip_to(offset)?;
    let head = tape.peek(32)?;
    if !is_thin(&head) {
        return None;
    }
    let size = u32::from_le_bytes([head[20], head[21], head[22], head[23]]);
    if size > LARGEST_COMMANDS {
        return None;
    }
    let bytes = tape.peek(32 + size as usize)?;
    match u32::from_le_bytes([head[0], head[1], head[2], head[3]]) {
        macho::MH_MAGIC_64 => read_commands::<MachHeader64<Endianness>>(&bytes),
        _ => read_commands::<MachHeader32<Endianness>>(&bytes),
    }
}

fn read_commands<H: MachHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Commands> {
    let header = H::parse(bytes, 0).ok()?;
    let endian = header.endian().ok()?;
    let mut list = header.load_commands(endian, bytes, 0).ok()?;
    let mut commands = Commands {
        platform: None,
        signature: None,
    };
    while let Some(command) = list.next().ok()? {
        match command.variant() {
            Ok(LoadCommandVariant::BuildVersion(version)) => {
                commands.platform = Some(version.platform.get(endian));
            }
            Ok(LoadCommandVariant::LinkeditData(data)) if command.cmd() == macho::LC_CODE_SIGNATURE => {
                commands.signature = Some((data.dataoff.get(endian), data.datasize.get(endian)));
            }
            _ => {}
        }
    }
    Some(commands)
}

/// The entitlements in a signature: a property list, or the same in DER, which is what iOS 15 and later go by.
fn entitlements(signature: &[u8]) -> Option<Dictionary> {
    const SUPER_BLOB: u32 = 0xfade_0cc0;
    const ENTITLEMENTS: u32 = 0xfade_7171;
    const DER_ENTITLEMENTS: u32 = 0xfade_7172;
    if u32_be(signature, 0)? != SUPER_BLOB {
        return None;
    }
    let count = (u32_be(signature, 8)? as usize).min(64);
    let blob = |magic: u32| {
        (0..count).find_map(|index| {
            let offset = u32_be(signature, 12 + index * 8 + 4)? as usize;
            let blob = signature.get(offset..)?;
            let length = u32_be(blob, 4)? as usize;
            (u32_be(blob, 0)? == magic).then(|| blob.get(8..length))?
        })
    };
    let listed = || property_list::read(blob(ENTITLEMENTS)?).ok()?.into_dictionary();
    listed().or_else(|| der::entitlements(blob(DER_ENTITLEMENTS)?))
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// A stream that is read forward only, and looked at by a scanner on the way.
struct Tape<R> {
    inner: R,
    /// Where the bytes in `ahead` begin.
    position: u64,
    ahead: Vec<u8>,
    scanner: Scanner,
}

impl<R: Read> Tape<R> {
    /// The next bytes, which stay.
    fn peek(&mut self, count: usize) -> Option<Vec<u8>> {
        let missing = count.saturating_sub(self.ahead.len());
        if missing > 0 {
            let mut more = Vec::new();
            (&mut self.inner)
                .take(missing as u64)
                .read_to_end(&mut more)
                .ok()?;
            self.scanner.look_at(&more);
            self.ahead.append(&mut more);
        }
        self.ahead.get(..count).map(<[u8]>::to_vec)
    }

    /// Goes forward; never back.
    fn skip_to(&mut self, position: u64) -> Option<()> {
        let mut left = position.checked_sub(self.position)?;
        while left > 0 {
            if self.ahead.is_empty() {
                let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
                self.peek(wanted)?;
            }
            let gone = usize::try_from(left).unwrap_or(usize::MAX).min(self.ahead.len());
            self.ahead.drain(..gone);
            self.position += gone as u64;
            left -= gone as u64;
        }
        Some(())
    }

    fn at(&mut self, position: u64, count: usize) -> Option<Vec<u8>> {
        self.skip_to(position)?;
        self.peek(count)
    }

    /// Shows the rest to the scanner.
    fn finish(&mut self) {
        let mut chunk = vec![0; CHUNK];
        while let Ok(read) = self.inner.read(&mut chunk) {
            if read == 0 {
                break;
            }
            self.scanner.look_at(&chunk[..read]);
        }
    }
}
