//! Addresses of match storages: `match+` before a URL or path, options behind `#`.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use crate::layout::CertificateType;

/// What an address begins with.
const PREFIX: &str = "match+";

/// The options that an address may name behind `#`.
const OPTIONS: &str = "branch, type, team_id, certificate_id";

/// Where a match storage is, and what of it is asked for.
#[derive(Debug, Clone)]
pub struct Location {
    pub(crate) source: Source,
    pub(crate) selection: Selection,
}

/// Where a storage is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// An archive over HTTPS, or a Git repository.
    Web(Url),
    /// A Git repository.
    Git(Remote),
    /// A directory or file of this machine.
    Path(PathBuf),
}

/// A Git repository elsewhere. Credentials are no part of its address, which other users of the machine can see.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) address: String,
    /// Scheme, host and port, as Git names them for credentials.
    pub(crate) host: String,
    pub(crate) credentials: Option<Credentials>,
    /// The protocols that Git may use for it.
    pub(crate) protocols: &'static str,
}

/// A name and a password, or a token in one of their places.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) user: SecretString,
    pub(crate) password: SecretString,
}

/// What of a storage is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// match's own default is `master`.
    pub(crate) branch: Option<String>,
    pub(crate) certificate_type: Option<CertificateType>,
    pub(crate) team_id: Option<String>,
    pub(crate) certificate_id: Option<String>,
}

/// Why an address is none. Of what may be a secret it quotes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It is no URL.
    #[error("the text after `match+` is not a URL")]
    NoUrl,
    /// Nobody reads that.
    #[error(
        "`match+{0}` is not known; accepted: match+https, match+git, match+ssh, and match+file, each followed by `://`"
    )]
    Scheme(String),
    /// It would travel for everyone to see.
    #[error("{host} is asked without encryption; accepted: https and ssh, and http and git on this machine")]
    Insecure {
        /// The server.
        host: String,
    },
    /// There is no such option.
    #[error("`#{0}=` is not known; accepted after `#`: {OPTIONS}")]
    Option(String),
    /// match has no such type.
    #[error(
        "match has no type `{0}`; accepted: appstore, adhoc, development, enterprise, developer_id, developer_id_installer, mac_installer_distribution"
    )]
    Type(String),
    /// Git has no such branches.
    #[error("`{0}` can't be the name of a branch")]
    Branch(String),
}

impl Location {
    /// Reads an address; `None` for one that does not begin with `match+`.
    pub fn parse(text: &str) -> Option<Result<Self, LocationError>> {
        let text = text.trim();
        let prefix = text.get(..PREFIX.len())?;
        prefix
            .eq_ignore_ascii_case(PREFIX)
            .then(|| Self::of(&text[PREFIX.len()..]))
    }

    fn of(text: &str) -> Result<Self, LocationError> {
        let (address, options) = split(text);
        Ok(Self {
            source: source(address)?,
            selection: Selection::of(options)?,
        })
    }
}

/// The address and its options. A path that is there may have `#` in it.
fn split(text: &str) -> (&str, &str) {
    let plain = without_scheme(text, "file://").unwrap_or(text);
    match text.rsplit_once('#') {
        Some((address, options)) if !Path::new(plain).exists() => (address, options),
        _ => (text, ""),
    }
}

/// The path that an address of this machine names: as written, or as a URL means it where that is not there.
fn path_of(address: &str) -> Option<PathBuf> {
    if let Some(path) = transport::path_of_file_url(address) {
        return Some(path);
    }
    let is_path = address.starts_with('/') || address.starts_with("./") || address.starts_with("../");
    is_path.then(|| PathBuf::from(address))
}

fn source(address: &str) -> Result<Source, LocationError> {
    if let Some(path) = path_of(address) {
        return Ok(Source::Path(path));
    }
    // match+git+https and the like name the protocol below Git.
    let (is_git, bare) = match without_scheme(address, "git+") {
        Some(bare) => (true, bare),
        None => (false, address),
    };
    if let Some(path) = path_of(bare) {
        return Ok(Source::Path(path));
    }
    if !bare.contains("://") {
        return over_ssh(bare).ok_or(LocationError::NoUrl);
    }
    let url = Url::parse(bare).map_err(|_| LocationError::NoUrl)?;
    let insecure = || LocationError::Insecure {
        host: url.host_str().unwrap_or_default().to_owned(),
    };
    let loopback = transport::is_loopback(&url);
    match url.scheme() {
        "https" if is_git || url.path().trim_end_matches('/').ends_with(".git") => remote(&url, "https:ssh"),
        "http" if loopback && (is_git || url.path().trim_end_matches('/').ends_with(".git")) => {
            remote(&url, "http")
        }
        "https" => Ok(Source::Web(url)),
        "http" if loopback => Ok(Source::Web(url)),
        "http" => Err(insecure()),
        "ssh" => remote(&url, "ssh"),
        "git" if loopback => remote(&url, "git"),
        // Nobody but `git` has no password: hosts call their SSH users so.
        "git" if url.username() == "git" && url.password().is_none() => remote(&by("ssh", &url)?, "ssh"),
        // Git's own protocol neither encrypts nor says who answers; hosts have given it up.
        "git" => remote_over_https(&url),
        other => Err(LocationError::Scheme(other.to_owned())),
    }
}

/// `git@host:path`, as Git hosts show it. The path begins in the user's home, so that it is no `ssh://` URL.
fn over_ssh(address: &str) -> Option<Source> {
    let (user_and_host, path) = address.split_once(':')?;
    let (user, host) = user_and_host.split_once('@')?;
    let is_name = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains('/');
    (is_name(user) && is_name(host) && !path.is_empty()).then(|| {
        Source::Git(Remote {
            address: address.to_owned(),
            host: format!("ssh://{host}"),
            credentials: None,
            protocols: "ssh",
        })
    })
}

/// What follows a scheme, which may be written in any case.
fn without_scheme<'a>(address: &'a str, scheme: &str) -> Option<&'a str> {
    let (begin, rest) = address.split_at_checked(scheme.len())?;
    begin.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The address of a `git://` URL by another protocol.
fn by(protocol: &str, url: &Url) -> Result<Url, LocationError> {
    // A parsed URL is written in one way, whatever was given.
    let rest = url.as_str().strip_prefix("git://").ok_or(LocationError::NoUrl)?;
    Url::parse(&format!("{protocol}://{rest}")).map_err(|_| LocationError::NoUrl)
}

fn remote_over_https(url: &Url) -> Result<Source, LocationError> {
    /// The port of Git's own protocol.
    const GITS: u16 = 9418;
    let mut url = by("https", url)?;
    if url.port() == Some(GITS) {
        url.set_port(None).map_err(|()| LocationError::NoUrl)?;
    }
    remote(&url, "https:ssh")
}

/// A Git repository, its credentials taken out of its address.
pub(crate) fn remote(url: &Url, protocols: &'static str) -> Result<Source, LocationError> {
    let mut bare = url.clone();
    let mut credentials = None;
    if url.scheme() != "ssh" && (!url.username().is_empty() || url.password().is_some()) {
        let decoded = |text: &str| decoded(text).map(SecretString::from);
        credentials = Some(Credentials {
            user: decoded(url.username()).ok_or(LocationError::NoUrl)?,
            password: decoded(url.password().unwrap_or_default()).ok_or(LocationError::NoUrl)?,
        });
        bare.set_username("").map_err(|()| LocationError::NoUrl)?;
        bare.set_password(None).map_err(|()| LocationError::NoUrl)?;
    }
    bare.set_fragment(None);
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or(LocationError::NoUrl)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Source::Git(Remote {
        address: bare.to_string(),
        host: format!("{}://{host}{port}", url.scheme()),
        credentials,
        protocols,
    }))
}

/// Percent-decoded text; `None` when it has line breaks or is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let escaped = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let pair = url::form_urlencoded::parse(escaped.as_bytes()).next();
    let plain = pair.map(|(name, _)| name.into_owned()).unwrap_or_default();
    (!plain.contains(['\n', '\r', '\0', '\u{fffd}'])).then_some(plain)
}

impl Selection {
    /// Reads `branch`, or `key=value` pairs with `&` between them.
    fn of(text: &str) -> Result<Self, LocationError> {
        let mut selection = Self::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or(("branch", part));
            let value = decoded(value).ok_or(LocationError::NoUrl)?;
            match key {
                "branch" if is_branch(&value) => selection.branch = Some(value),
                "branch" => return Err(LocationError::Branch(value)),
                "type" => {
                    let known = CertificateType::of(&value).ok_or(LocationError::Type(value))?;
                    selection.certificate_type = Some(known);
                }
                "team_id" => selection.team_id = Some(value),
                "certificate_id" => selection.certificate_id = Some(value),
                other => return Err(LocationError::Option(other.to_owned())),
            }
        }
        Ok(selection)
    }
}

/// Whether Git accepts a branch of that name (`git help check-ref-format`), as far as it matters in a refspec.
fn is_branch(name: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !name.is_empty() && !name.starts_with('-') && !name.contains("..") && !name.contains(is_odd)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(text: &str) -> Result<Location, LocationError> {
        Location::parse(text).unwrap()
    }

    #[test]
    fn only_what_begins_with_match_is_an_address() {
        for other in [
            "https://example.com/a.p12",
            "file:///a.p12",
            "matches+x",
            "/a.p12",
            "",
        ] {
            assert!(Location::parse(other).is_none(), "{other}");
        }
        assert!(Location::parse(" Match+file:///a ").is_some());
    }

    /// RFC 3986, 3.1. Written in another case, `git://git@…` was taken for itself again and again, until the stack was full.
    #[test]
    fn a_scheme_may_be_written_in_any_case() {
        for lower in [
            "git://git@example.com/a/b.git",
            "git://git@example.com/git://git@example.com/b.git",
            "git://example.com:9418/a",
            "git://127.0.0.1:9418/b",
            "git+https://example.com/a/b",
            "git+ssh://git@example.com/a/b",
            "git+git://git@example.com/a",
            "git+file:///a/b",
            "https://example.com/a/b.git",
            "ssh://git@example.com/a/b.git",
            "file:///a/b",
            "file:///a/b#type=appstore",
            "http://example.com/a",
            "gopher://example.com/a",
        ] {
            let (scheme, rest) = lower.split_once("://").unwrap();
            let mixed: String = scheme
                .chars()
                .enumerate()
                .map(|(at, c)| if at % 2 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            let expected = format!("{:?}", Location::parse(&format!("match+{lower}")));
            for scheme in [scheme.to_uppercase(), mixed] {
                let text = format!("match+{scheme}://{rest}");
                assert_eq!(format!("{:?}", Location::parse(&text)), expected, "{text}");
            }
        }
    }

    #[test]
    fn each_scheme_leads_to_its_kind_of_place() {
        for (text, address, protocols) in [
            (
                "match+git://git.example.com/a/b",
                "https://git.example.com/a/b",
                "https:ssh",
            ),
            (
                "match+git://git@example.com/a/b.git",
                "ssh://git@example.com/a/b.git",
                "ssh",
            ),
            ("match+git://127.0.0.1:9418/b", "git://127.0.0.1:9418/b", "git"),
            (
                "match+git+https://example.com/a/b",
                "https://example.com/a/b",
                "https:ssh",
            ),
            (
                "match+https://example.com/a/b.git",
                "https://example.com/a/b.git",
                "https:ssh",
            ),
            (
                "match+ssh://git@example.com:22/a/b.git",
                "ssh://git@example.com:22/a/b.git",
                "ssh",
            ),
            (
                "match+git+ssh://git@example.com/a/b",
                "ssh://git@example.com/a/b",
                "ssh",
            ),
            (
                "match+git@github.com:org/certs.git",
                "git@github.com:org/certs.git",
                "ssh",
            ),
            (
                "match+git://example.com:9418/a",
                "https://example.com/a",
                "https:ssh",
            ),
            (
                "match+http://localhost:80/b.git",
                "http://localhost/b.git",
                "http",
            ),
        ] {
            let location = read(text).unwrap();
            let Source::Git(remote) = location.source else {
                panic!("{text}: {location:?}");
            };
            assert_eq!(
                (remote.address.as_str(), remote.protocols),
                (address, protocols),
                "{text}"
            );
            assert!(remote.credentials.is_none());
        }
        for text in [
            "match+https://example.com/archive.zip?token=1",
            "match+https://github.com/org/certs",
            "match+http://127.0.0.1:1/files/a.tar.gz",
        ] {
            assert!(matches!(read(text).unwrap().source, Source::Web(_)), "{text}");
        }
        for text in ["match+file:///a%20b", "match+/a b", "match+git+file:///a%20b"] {
            let source = read(text).unwrap().source;
            assert!(
                matches!(source, Source::Path(path) if path == Path::new("/a b")),
                "{text}"
            );
        }
    }

    #[test]
    fn credentials_leave_the_address() {
        let location = read("match+https://x-token:p%40ss+w%3Drd@example.com:8443/a.git#release").unwrap();
        let Source::Git(remote) = location.source else {
            panic!();
        };
        assert_eq!(remote.address, "https://example.com:8443/a.git");
        assert_eq!(remote.host, "https://example.com:8443");
        let credentials = remote.credentials.unwrap();
        assert_eq!(credentials.user.expose_secret(), "x-token");
        assert_eq!(credentials.password.expose_secret(), "p@ss+w=rd");
        assert!(read("match+https://a:b%0Ac@example.com/a.git").is_err());
    }

    #[test]
    fn options_stand_behind_the_address() {
        let selection = |text: &str| read(text).unwrap().selection;
        assert_eq!(selection("match+git://example.com/a"), Selection::default());
        assert_eq!(
            selection("match+git://example.com/a#release/1+x")
                .branch
                .as_deref(),
            Some("release/1+x")
        );
        assert_eq!(
            selection(
                "match+https://example.com/a.zip#type=adhoc&team_id=TEAM123456&certificate_id=ABC&branch=b"
            ),
            Selection {
                branch: Some("b".to_owned()),
                certificate_type: Some(CertificateType::Distribution),
                team_id: Some("TEAM123456".to_owned()),
                certificate_id: Some("ABC".to_owned()),
            }
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_no_secret_with_it() {
        for (text, words) in [
            ("match+", "not a URL"),
            ("match+certs", "not a URL"),
            (
                "match+ftp://user:s3cret@example.com/a",
                "`match+ftp` is not known",
            ),
            ("match+s3://bucket/a", "`match+s3` is not known"),
            (
                "match+http://user:s3cret@example.com/a.git",
                "example.com is asked without encryption",
            ),
            ("match+git://example.com/a#typ=appstore", "`#typ=` is not known"),
            (
                "match+git://example.com/a#type=app-store",
                "no type `app-store`; accepted: appstore",
            ),
            (
                "match+git://example.com/a#--upload-pack",
                "can't be the name of a branch",
            ),
            ("match+git://example.com/a#a:b", "can't be the name of a branch"),
            ("match+git@-oProxyCommand=x:certs.git", "not a URL"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.contains(words) && !error.contains("s3cret"),
                "{text}: {error}"
            );
        }
    }
}
