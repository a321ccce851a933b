//! Reading, printing, resolving and editing a project of 30,000 lines, in both formats.
//!
//! `cargo bench -p xcode-project`. The copy of its bytes in memory is measured beside it: no reader is faster.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails ends")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xcode_project::{Document, ManualSigning, Project, json5};

const TARGETS: usize = 40;
const FILES_PER_TARGET: usize = 200;

fn id(kind: u8, number: usize) -> String {
    format!("{kind:02X}{number:022X}")
}

/// A project such as Xcode writes, with forty apps of two hundred files each.
fn large_project() -> String {
    let mut text = String::from(
        "// !$*UTF8*$!\n{\n\tarchiveVersion = 1;\n\tclasses = {\n\t};\n\tobjectVersion = 56;\n\tobjects = {\n\n",
    );
    let files = TARGETS * FILES_PER_TARGET;
    for file in 0..files {
        let (build, reference) = (id(1, file), id(2, file));
        writeln!(text, "\t\t{build} /* File{file}.swift in Sources */ = {{isa = PBXBuildFile; fileRef = {reference} /* File{file}.swift */; }};").unwrap();
        writeln!(text, "\t\t{reference} /* File{file}.swift */ = {{isa = PBXFileReference; lastKnownFileType = sourcecode.swift; path = File{file}.swift; sourceTree = \"<group>\"; }};").unwrap();
    }
    let list = |text: &mut String, kind: u8, range: std::ops::Range<usize>| {
        for number in range {
            writeln!(text, "\t\t\t\t{} /* File{number}.swift */,", id(kind, number)).unwrap();
        }
    };
    write!(
        text,
        "\t\t{} = {{\n\t\t\tisa = PBXGroup;\n\t\t\tchildren = (\n",
        id(3, 0)
    )
    .unwrap();
    list(&mut text, 2, 0..files);
    text.push_str("\t\t\t);\n\t\t\tsourceTree = \"<group>\";\n\t\t};\n");
    for target in 0..TARGETS {
        write!(
            text,
            "\t\t{} /* Sources */ = {{\n\t\t\tisa = PBXSourcesBuildPhase;\n\t\t\tfiles = (\n",
            id(4, target)
        )
        .unwrap();
        list(
            &mut text,
            1,
            target * FILES_PER_TARGET..(target + 1) * FILES_PER_TARGET,
        );
        text.push_str("\t\t\t);\n\t\t};\n");
        write!(text, "\t\t{} /* App{target} */ = {{\n\t\t\tisa = PBXNativeTarget;\n\t\t\tbuildConfigurationList = {};\n\t\t\tbuildPhases = (\n\t\t\t\t{},\n\t\t\t);\n\t\t\tdependencies = (\n\t\t\t);\n\t\t\tname = App{target};\n\t\t\tproductType = \"com.apple.product-type.application\";\n\t\t}};\n", id(5, target), id(6, target), id(4, target)).unwrap();
        write!(text, "\t\t{} = {{\n\t\t\tisa = XCConfigurationList;\n\t\t\tbuildConfigurations = (\n\t\t\t\t{},\n\t\t\t);\n\t\t}};\n", id(6, target), id(7, target)).unwrap();
        write!(text, "\t\t{} /* Release */ = {{\n\t\t\tisa = XCBuildConfiguration;\n\t\t\tbuildSettings = {{\n\t\t\t\tCODE_SIGN_STYLE = Automatic;\n\t\t\t\tINFOPLIST_FILE = \"App/Info.plist\";\n\t\t\t\tPRODUCT_BUNDLE_IDENTIFIER = \"com.example.$(TARGET_NAME:rfc1034identifier)\";\n\t\t\t\tSDKROOT = iphoneos;\n\t\t\t}};\n\t\t\tname = Release;\n\t\t}};\n", id(7, target)).unwrap();
    }
    write!(text, "\t\t{} /* Project object */ = {{\n\t\t\tisa = PBXProject;\n\t\t\tmainGroup = {};\n\t\t\tprojectDirPath = \"\";\n\t\t\ttargets = (\n", id(8, 0), id(3, 0)).unwrap();
    (0..TARGETS).for_each(|target| writeln!(text, "\t\t\t\t{} /* App{target} */,", id(5, target)).unwrap());
    write!(
        text,
        "\t\t\t);\n\t\t}};\n\t}};\n\trootObject = {} /* Project object */;\n}}\n",
        id(8, 0)
    )
    .unwrap();
    text
}

/// The same project as Xcode 27.2 writes it, with as many lines: each app has four times as many files.
fn large_xcode_27_project() -> String {
    let files = TARGETS * FILES_PER_TARGET * 4;
    let mut text = String::from(
        "{\n  \"default-configuration\": \"Release\",\n  \"configurations\": [\n    \"Release\",\n  ],\n  \"localizations\": {\n    \"development\": \"en\",\n  },\n  \"files\": [\n",
    );
    for file in 0..files {
        let target = file % TARGETS;
        writeln!(text, "    {{ \"path\": \"File{file}.swift\", \"target-membership\": [ \"App{target}/compile-sources\" ] }},").unwrap();
    }
    text.push_str("  ],\n  \"targets\": [\n    ");
    for target in 0..TARGETS {
        write!(text, "{}{{\n      \"name\": \"App{target}\",\n      \"id\": \"{}\",\n      \"product-type\": \"application\",\n      \"build-phases\": [\n        \"compile-sources\",\n      ],\n      \"build-settings\": {{\n        \"CODE_SIGN_STYLE\": \"Automatic\",\n        \"INFOPLIST_FILE\": \"App/Info.plist\",\n        \"PRODUCT_BUNDLE_IDENTIFIER\": \"com.example.$(TARGET_NAME:rfc1034identifier)\",\n        \"SDKROOT\": \"iphoneos\",\n      }},\n    }}", if target > 0 { ", " } else { "" }, id(5, target)).unwrap();
    }
    text.push_str(",\n  ],\n}\n");
    text
}

fn signing() -> ManualSigning {
    ManualSigning {
        team_id: "A1B2C3D4E5".to_owned(),
        identity: "Apple Distribution".to_owned(),
        profile_uuid: "6d3a1f0e-1f0a-4c55-8a7e-d0f5d1f6a001".to_owned(),
        platform: xcode_project::Platform::Ios,
    }
}

fn resolve_all(project: &Project) -> usize {
    let targets = project.targets();
    let resolved = targets.iter().filter(|target| {
        let settings = project.settings(target, "Release").unwrap();
        project.bundle_id(target, &settings).is_ok()
    });
    resolved.count()
}

fn edit_and_save(project: &Project) {
    let target = project.targets().remove(0);
    let text = project
        .sign_manually(&[(target, "Release".to_owned(), signing())])
        .unwrap();
    project.save(&text).unwrap();
}

fn project(criterion: &mut Criterion) {
    measure(criterion, "project.pbxproj", &large_project());
    measure(criterion, "project.xcproj", &large_xcode_27_project());
}

/// Reads the text of a project file, without following what it names.
fn parse(name: &str, text: &str) -> usize {
    if name == "project.xcproj" {
        json5::Document::parse(text).unwrap().root().span.end
    } else {
        Document::parse(text).unwrap().root().span.end
    }
}

fn measure(criterion: &mut Criterion, name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Large.xcodeproj");
    std::fs::create_dir(&path).unwrap();
    let write = || std::fs::write(path.join(name), text).unwrap();
    write();
    let opened = Project::open(&path).unwrap();
    let mut group = criterion.benchmark_group(format!("{name}, {} lines", text.lines().count()));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("copy in memory", |bencher| {
        bencher.iter(|| black_box(text.to_owned()));
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| parse(name, black_box(text)));
    });
    group.bench_function("print", |bencher| {
        bencher.iter(|| black_box(opened.text().to_owned()));
    });
    group.bench_function("resolve all targets", |bencher| {
        bencher.iter(|| resolve_all(black_box(&opened)));
    });
    group.bench_function("open", |bencher| bencher.iter(|| Project::open(&path).unwrap()));
    group.bench_function("edit and save", |bencher| {
        let fresh = || {
            write();
            Project::open(&path).unwrap()
        };
        bencher.iter_batched(
            fresh,
            |project| {
                edit_and_save(&project);
                project
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("open, edit and save", |bencher| {
        bencher.iter_batched(
            write,
            |()| edit_and_save(&Project::open(&path).unwrap()),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, project);
criterion_main!(benches);
