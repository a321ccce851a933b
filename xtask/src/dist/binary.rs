//! What an executable says about itself, read with a reader of object files that has no part in making it.

use anyhow::{Context as _, bail, ensure};
use object::read::elf::{ElfFile64, FileHeader as _};
use object::read::macho::{LoadCommandVariant, MachHeader as _, MachOFile64};
use object::{Endianness, Object as _, macho};

/// An executable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    /// For Linux.
    Elf {
        /// Go's name of the processor.
        processor: &'static str,
        /// The newest symbol version of glibc that it needs, as numbers; none for a static one.
        glibc: Option<(u32, u32)>,
    },
    /// For macOS.
    MachO {
        /// Go's name of the processor.
        processor: &'static str,
        /// The oldest macOS, as major and minor version.
        oldest: (u32, u32),
        /// Whether it has a code signature, which Apple silicon demands.
        signed: bool,
        /// The libraries that it loads.
        libraries: Vec<String>,
    },
}

impl Binary {
    /// Reads an executable.
    pub(crate) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        match object::FileKind::parse(bytes)? {
            object::FileKind::Elf64 => elf(bytes),
            object::FileKind::MachO64 => mach_o(bytes),
            kind => bail!("it is no executable of Linux or macOS, but {kind:?}"),
        }
    }

    /// The platform that it is for, as stepman names it.
    pub(crate) fn platform(&self) -> String {
        match self {
            Self::Elf { processor, .. } => format!("linux-{processor}"),
            Self::MachO { processor, .. } => format!("darwin-{processor}"),
        }
    }
}

fn processor(architecture: object::Architecture) -> anyhow::Result<&'static str> {
    match architecture {
        object::Architecture::X86_64 => Ok("amd64"),
        object::Architecture::Aarch64 => Ok("arm64"),
        other => bail!("it is for {other:?}"),
    }
}

fn elf(bytes: &[u8]) -> anyhow::Result<Binary> {
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    let endian = file.elf_header().endian()?;
    let sections = file.elf_section_table();
    let mut newest = None;
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = String::from_utf8_lossy(version.name(endian, strings)?);
                if let Some(number) = name.strip_prefix("GLIBC_") {
                    newest = newest.max(Some(version_of(number)?));
                }
            }
        }
    }
    Ok(Binary::Elf {
        processor: processor(file.architecture())?,
        glibc: newest,
    })
}

fn version_of(text: &str) -> anyhow::Result<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => bail!("`{text}` is no version"),
    }
}

fn mach_o(bytes: &[u8]) -> anyhow::Result<Binary> {
    let file = MachOFile64::<Endianness>::parse(bytes)?;
    let endian = file.macho_header().endian()?;
    ensure!(
        file.macho_header().filetype(endian) == macho::MH_EXECUTE,
        "it is no program"
    );
    let (mut oldest, mut signed, mut libraries) = (None, false, Vec::new());
    let mut commands = file.macho_load_commands()?;
    while let Some(command) = commands.next()? {
        match command.variant()? {
            LoadCommandVariant::BuildVersion(version) => {
                ensure!(
                    version.platform.get(endian) == macho::PLATFORM_MACOS,
                    "it is not for macOS"
                );
                let packed = version.minos.get(endian);
                oldest = Some((packed >> 16, packed >> 8 & 0xff));
            }
            LoadCommandVariant::LinkeditData(data) => {
                signed |= data.cmd.get(endian) == macho::LC_CODE_SIGNATURE;
            }
            LoadCommandVariant::Dylib(library) => {
                let name = command.string(endian, library.dylib.name)?;
                libraries.push(String::from_utf8_lossy(name).into_owned());
            }
            _ => {}
        }
    }
    Ok(Binary::MachO {
        processor: processor(file.architecture())?,
        oldest: oldest.context("it names no oldest macOS (LC_BUILD_VERSION)")?,
        signed,
        libraries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_read() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let platform = crate::dist::platform_of(None).unwrap();
        assert_eq!(Binary::read(&bytes).unwrap().platform(), platform);
    }

    #[test]
    fn what_is_no_executable_is_an_error() {
        for bytes in [&b""[..], b"#!/bin/sh\nexit 0\n", b"\x7fELF", b"\xcf\xfa\xed\xfe"] {
            assert!(Binary::read(bytes).is_err());
        }
        assert_eq!(version_of("2.17").unwrap(), (2, 17));
        assert_eq!(version_of("2.2.5").unwrap(), (2, 2));
        assert!(version_of("PRIVATE").is_err());
    }
}
