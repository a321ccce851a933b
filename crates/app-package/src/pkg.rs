//! The app of an installer package.
//!
//! A product archive has a `Distribution`, which names its app and product; each component in it has a
//! `PackageInfo`, which names the bundles that it installs. A component package has the latter alone.
//!
//! Facts: Apple's "Distribution Definition XML Schema Reference"; `man productbuild`, `man pkgbuild`.

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::app::utf16;
use crate::xar::Archive;
use crate::{App, Error};

/// Real ones have some kilobytes, with a license inside some hundreds.
const LARGEST_PART: u64 = 16 * 1024 * 1024;

/// More components than any app has.
const MOST_COMPONENTS: usize = 64;

/// Reads the app.
pub(crate) fn read<F: Read + Seek>(file: &mut F, size: u64) -> Result<App, Error> {
    let archive = Archive::open(file, size)?;
    let mut found = Found::default();
    let is_part = |path: &str| path == "Distribution" || path.rsplit('/').next() == Some("PackageInfo");
    let mut parts: Vec<_> = archive
        .members
        .iter()
        .filter(|member| is_part(&member.path))
        .take(MOST_COMPONENTS)
        .collect();
    if parts.is_empty() {
        return Err(Error::Missing("Distribution"));
    }
    // The distribution describes the product: it has the last word where both speak.
    parts.sort_by_key(|member| member.path != "Distribution");
    for member in parts {
        let content = archive.content(file, member, LARGEST_PART)?;
        found.look_at(&content).map_err(|problem| Error::Part {
            part: member.path.clone(),
            problem,
        })?;
    }
    Ok(found.app())
}

/// What the parts say, the first word of each kind.
#[derive(Default)]
struct Found {
    product: (Option<String>, Option<String>),
    bundles: Vec<Bundle>,
    component: (Option<String>, Option<String>),
}

#[derive(Default, Clone)]
struct Bundle {
    id: Option<String>,
    path: String,
    short_version: Option<String>,
    version: Option<String>,
}

impl Found {
    fn look_at(&mut self, xml: &[u8]) -> Result<(), String> {
        let decoded = utf16(xml);
        let xml = std::str::from_utf8(decoded.as_deref().unwrap_or(xml)).map_err(|_| "it is not UTF-8")?;
        let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(element) | Event::Empty(element) => self.note(&element),
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn note(&mut self, element: &BytesStart<'_>) {
        let id_and_version = || (attribute(element, "id"), attribute(element, "version"));
        match element.name().as_ref() {
            "product" if self.product.0.is_none() => self.product = id_and_version(),
            "pkg-info" if self.component.0.is_none() => {
                self.component = (attribute(element, "identifier"), attribute(element, "version"));
            }
            "bundle" => self.bundles.push(Bundle {
                id: attribute(element, "id"),
                path: attribute(element, "path").unwrap_or_default(),
                short_version: attribute(element, "CFBundleShortVersionString"),
                version: attribute(element, "CFBundleVersion"),
            }),
            _ => {}
        }
    }

    /// The app: the bundle that lies highest and is an application, preferably the one of the product's name.
    fn app(self) -> App {
        let is_app = |bundle: &&Bundle| bundle.path.ends_with(".app") && bundle.id.is_some();
        let depth = |bundle: &Bundle| bundle.path.matches('/').count();
        let product = self.product.0.clone();
        let mut app = App {
            platform_name: Some("macosx".to_owned()),
            ..App::default()
        };
        let main = self
            .bundles
            .iter()
            .filter(is_app)
            .min_by_key(|bundle| (bundle.id != product, depth(bundle)));
        if let Some(main) = main {
            app.bundle_id.clone_from(&main.id);
            // A bundle is described in both parts, and each may leave something out.
            let same = || self.bundles.iter().filter(|bundle| bundle.id == main.id);
            app.version = same().find_map(|bundle| bundle.version.clone());
            app.short_version = same().find_map(|bundle| bundle.short_version.clone());
        }
        app.bundle_id = app.bundle_id.or(self.product.0).or(self.component.0);
        app.short_version = app.short_version.or(self.product.1).or(self.component.1);
        app
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).ok()??;
    // An entity that is not known stays as it is.
    let text = quick_xml::escape::unescape(&value.value)
        .map_or_else(|_| value.value.to_string(), |text| text.to_string());
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
