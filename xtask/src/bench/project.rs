//! A project of any number of targets: an app with app extensions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

fn id(kind: u8, number: usize) -> String {
    format!("{kind:02X}{number:022X}")
}

/// Writes it into `folder`; its path.
///
/// # Errors
/// When it can't be written.
pub(super) fn write(folder: &Path, targets: usize) -> anyhow::Result<PathBuf> {
    let path = folder.join("Bench.xcodeproj");
    let schemes = path.join("xcshareddata/xcschemes");
    std::fs::create_dir_all(&schemes)?;
    std::fs::write(
        path.join("project.pbxproj"),
        project(targets).context("the project can't be written")?,
    )?;
    std::fs::write(
        schemes.join("Bench.xcscheme"),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Scheme version=\"1.7\"><BuildAction><BuildActionEntries><BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BuildableIdentifier=\"primary\" BlueprintIdentifier=\"{}\" BuildableName=\"Bench0.app\" BlueprintName=\"Bench0\" ReferencedContainer=\"container:Bench.xcodeproj\"/></BuildActionEntry></BuildActionEntries></BuildAction><ArchiveAction buildConfiguration=\"Release\"/></Scheme>\n",
            id(1, 0)
        ),
    )?;
    Ok(path)
}

fn project(targets: usize) -> Result<String, std::fmt::Error> {
    let mut text =
        String::from("// !$*UTF8*$!\n{\n\tarchiveVersion = 1;\n\tobjectVersion = 56;\n\tobjects = {\n");
    for number in 0..targets {
        let (kind, suffix) = if number == 0 {
            ("application", String::new())
        } else {
            ("app-extension", format!(".ext{number}"))
        };
        let dependencies: String = if number == 0 {
            (1..targets).map(|other| format!("{}, ", id(4, other))).collect()
        } else {
            String::new()
        };
        writeln!(
            text,
            "\t\t{} = {{isa = PBXNativeTarget; name = Bench{number}; productType = \"com.apple.product-type.{kind}\"; buildConfigurationList = {}; dependencies = ({dependencies}); }};",
            id(1, number),
            id(2, number)
        )?;
        writeln!(
            text,
            "\t\t{} = {{isa = XCConfigurationList; buildConfigurations = ({}, ); }};",
            id(2, number),
            id(3, number)
        )?;
        writeln!(
            text,
            "\t\t{} = {{isa = XCBuildConfiguration; name = Release; buildSettings = {{PRODUCT_BUNDLE_IDENTIFIER = com.example.bench{suffix}; SDKROOT = iphoneos; }}; }};",
            id(3, number)
        )?;
        writeln!(
            text,
            "\t\t{} = {{isa = PBXTargetDependency; target = {}; }};",
            id(4, number),
            id(1, number)
        )?;
    }
    let all: String = (0..targets)
        .map(|number| format!("{}, ", id(1, number)))
        .collect();
    writeln!(
        text,
        "\t\t{} = {{isa = PBXProject; targets = ({all}); }};\n\t}};\n\trootObject = {};\n}}",
        id(9, 0),
        id(9, 0)
    )?;
    Ok(text)
}
