//! What an executable says about itself, read with a reader of object files that has no part in making it.

use anyhow::{Context as _, bail, ensure};
use object::read::elf::{ElfFile64, FileHeader as _};
use object::read::macho::{LoadCommandVariant, MachHeader as _, MachOFile64};
use object::{
    Endianness, Object as _, ObjectSymbol as _, ObjectSymbolTable as _, RelocationFlags, RelocationTarget,
    elf, macho,
};

/// An executable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    /// For Linux.
    Elf {
        /// Go's name of the processor.
        processor: &'static str,
        /// The newest symbol version of glibc that it needs, as numbers; none for a static one.
        glibc: Option<(u32, u32)>,
        /// Variables of libraries of which it has a copy.
        copied: Vec<String>,
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
            object::FileKind::Elf64 => read_elf(bytes),
            object::FileKind::MachO64 => read_mach_o(bytes),
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

fn read_elf(bytes: &[u8]) -> anyhow::Result<Binary> {
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
        copied: copied(&file)?,
    })
}

/// The variables that the loader copies from libraries into the program.
fn copied(file: &ElfFile64<'_, Endianness>) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for (_, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let is_copy = matches!(
            relocation.flags(),
            RelocationFlags::Elf {
                r_type: elf::R_X86_64_COPY | elf::R_AARCH64_COPY
            }
        );
        if let (true, RelocationTarget::Symbol(index)) = (is_copy, relocation.target()) {
            let symbols = file
                .dynamic_symbol_table()
                .context("it copies a variable that has no name")?;
            names.push(symbols.symbol_by_index(index)?.name()?.to_owned());
        }
    }
    Ok(names)
}

fn version_of(text: &str) -> anyhow::Result<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => bail!("`{text}` is no version"),
    }
}

fn read_mach_o(bytes: &[u8]) -> anyhow::Result<Binary> {
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
    #[cfg_attr(not(target_os = "linux"), ignore = "an executable of Linux is made on Linux")]
    fn a_copied_variable_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("main.c");
        std::fs::write(
            &source,
            "extern char **environ; int main(void) { return !environ; }",
        )
        .unwrap();
        // glibc's own name of it is `__environ`.
        for (flags, copies) in [(["-fno-pic", "-no-pie"], 1), (["-fPIC", "-pie"], 0)] {
            let program = folder.path().join("main");
            let mut compiler = std::process::Command::new("cc");
            compiler.args(flags).arg(&source).arg("-o").arg(&program);
            assert!(compiler.status().unwrap().success());
            let read = Binary::read(&std::fs::read(&program).unwrap()).unwrap();
            let Binary::Elf { copied, .. } = read else {
                panic!("{read:?}");
            };
            assert_eq!(copied.len(), copies, "{flags:?}: {copied:?}");
            assert!(copied.iter().all(|name| name.ends_with("environ")), "{copied:?}");
        }
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
