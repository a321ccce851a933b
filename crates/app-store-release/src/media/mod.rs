//! Screenshots and previews: in the App Asset Library where there is one, else in classic sets.

mod classic;
mod library;
mod set;
mod upload;

use std::collections::BTreeMap;
use std::time::Duration;

use app_store_connect::Error;
use futures_util::stream::{self, StreamExt as _};
use transport::{StatusCode, Transfer};

use crate::error::{ReleaseError, api};
use crate::plan::{MediaKind, SetChange};
use crate::snapshot::{Localization, RemoteItem, RemoteMedia, Version};
use crate::store::Store;

pub(crate) use library::Library;
pub(crate) use upload::{Asset, upload};

/// Files, and locales with changes, in flight.
const AT_ONCE: usize = 4;

/// How often a picture is uploaded again that Apple's image tool failed on.
const ROUNDS: u32 = 3;

/// Whether a file that Apple refused in a round is worth another one: its image tool fails now and then.
fn may_retry(round: u32, reason: &str) -> bool {
    round < ROUNDS && reason.contains("IMAGE_TOOL_FAILURE")
}

/// Whether a new version shows what the version before it did. Apple copies it, some time after the version is created
/// (App Store Connect Help, "Create a new version"; seconds, at times minutes, as its other effects: fastlane #16991). A
/// set with something of its own was copied, and somebody has changed it since.
pub(crate) fn is_copied(before: &RemoteMedia, now: &RemoteMedia) -> bool {
    before.iter().all(|(locale, sets)| {
        let copies = now.get(locale);
        sets.iter().all(|(display, set)| {
            let copy = copies.and_then(|copies| copies.get(display));
            is_set_copied(&set.items, copy.map_or(&[], |copy| &copy.items))
        })
    })
}

fn is_set_copied(before: &[RemoteItem], now: &[RemoteItem]) -> bool {
    // What has neither is not processed yet, or not listed among the assets: nothing is known of its content.
    let content = |item: &RemoteItem| item.checksum.clone().or_else(|| item.asset.clone());
    let expected: Vec<Option<String>> = before
        .iter()
        .filter(|item| item.state == "COMPLETE")
        .map(content)
        .collect();
    let mut missing: Vec<String> = expected.iter().flatten().cloned().collect();
    let is_whole = missing.len() == expected.len();
    let all = missing.clone();
    for own in now.iter().filter_map(content) {
        if let Some(index) = missing.iter().position(|missing| *missing == own) {
            missing.remove(index);
        } else if is_whole && !all.contains(&own) {
            return true;
        }
    }
    missing.is_empty() && now.len() >= expected.len()
}

/// What there is of screenshots and previews.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) screenshots: RemoteMedia,
    pub(crate) previews: RemoteMedia,
    pub(crate) library: Option<Library>,
}

/// Reads screenshots and previews of the locales that `wants` names, for each kind. `library` is the app's, where it is
/// known.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read(
    store: &Store,
    app: &str,
    version: &Version,
    library: Option<&Library>,
    wants: impl Fn(MediaKind, &str) -> bool,
) -> Result<Found, ReleaseError> {
    let of = |kind: MediaKind, skip: &dyn Fn(&Localization) -> bool| -> Vec<(String, String)> {
        version
            .localizations
            .iter()
            .filter(|(locale, own)| wants(kind, locale) && !skip(own))
            .filter_map(|(locale, own)| Some((locale.clone(), own.id.clone()?)))
            .collect()
    };
    let known = library.map(|library| library.id.clone());
    let id = match known {
        None if version.has_placements != Some(false) => library_id(store, app).await?,
        known => known,
    };
    if let Some(id) = id {
        let all = |_: &Localization| false;
        return library::read(
            store,
            id,
            of(MediaKind::Screenshots, &all),
            of(MediaKind::Previews, &all),
        )
        .await;
    }
    let screenshots = of(MediaKind::Screenshots, &|own| own.has_sets.0 == Some(false));
    let previews = of(MediaKind::Previews, &|own| own.has_sets.1 == Some(false));
    let (screenshots, previews) = futures_util::try_join!(
        classic::read(store, screenshots, MediaKind::Screenshots),
        classic::read(store, previews, MediaKind::Previews)
    )?;
    Ok(Found {
        screenshots,
        previews,
        library: None,
    })
}

/// The ID of the app's asset library; `None` where App Store Connect does not have it (yet).
async fn library_id(store: &Store, app: &str) -> Result<Option<String>, ReleaseError> {
    match store.get(format!("v1/apps/{app}/assetLibrary"), &[]).await {
        Ok(found) => Ok(found.map(|found| found.id)),
        Err(error) if has_no_library(&error) => Ok(None),
        Err(error) => Err(api("find the app's asset library")(error)),
    }
}

/// Whether a refusal means that there is no library here, rather than that it can't be asked now.
fn has_no_library(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| {
        matches!(
            refusal.status,
            StatusCode::NOT_FOUND
                | StatusCode::GONE
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_IMPLEMENTED
        )
    })
}

/// Makes sets what they shall be; each change comes with the ID of its localization.
///
/// # Errors
/// With everything that was not accepted; what could be done besides is done.
pub(crate) async fn update(
    store: &Store,
    transfer: &Transfer,
    library: Option<&Library>,
    changes: &[(&SetChange, String)],
    timeout: Duration,
) -> Vec<ReleaseError> {
    if let Some(library) = library {
        return library::update(store, transfer, library, changes, timeout).await;
    }
    let mut locales: BTreeMap<&str, Vec<&SetChange>> = BTreeMap::new();
    for (change, localization) in changes {
        locales.entry(localization).or_default().push(change);
    }
    let results = stream::iter(&locales)
        .map(|(localization, changes)| classic::update_sets(store, transfer, localization, changes, timeout));
    let results: Vec<_> = results.buffer_unordered(AT_ONCE).collect().await;
    results.into_iter().filter_map(Result::err).collect()
}

/// What is left of an attachment that was uploaded before.
pub(crate) fn superseded<'a>(
    attachments: &'a [RemoteItem],
    checksum: &str,
) -> impl Iterator<Item = &'a RemoteItem> {
    let checksum = checksum.to_owned();
    attachments
        .iter()
        .filter(move |attachment| attachment.checksum.as_deref() != Some(checksum.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(checksum: Option<&str>) -> RemoteItem {
        RemoteItem {
            checksum: checksum.map(str::to_owned),
            state: "COMPLETE".to_owned(),
            ..RemoteItem::default()
        }
    }

    fn media(checksums: &[Option<&str>]) -> RemoteMedia {
        let set = crate::snapshot::RemoteSet {
            id: String::new(),
            items: checksums.iter().map(|checksum| item(*checksum)).collect(),
        };
        let sets = BTreeMap::from([("APP_IPHONE_67".to_owned(), set)]);
        RemoteMedia::from([("en-US".to_owned(), sets)])
    }

    #[test]
    fn a_version_is_copied_once_all_that_the_one_before_showed_is_there() {
        let before = media(&[Some("a"), Some("a"), Some("b")]);
        for (now, is_there) in [
            (RemoteMedia::new(), false),
            (media(&[]), false),
            (media(&[Some("a"), Some("b")]), false),
            (media(&[Some("a"), Some("b"), Some("a")]), true),
            // Apple tells the checksums of copies later than the copies.
            (media(&[None, None, None]), false),
            // Another run has changed it already.
            (media(&[Some("a"), Some("c")]), true),
        ] {
            assert_eq!(is_copied(&before, &now), is_there, "{now:?}");
        }
        // Where nothing is known of the content, the number counts.
        assert!(!is_copied(&media(&[None, Some("a")]), &media(&[Some("a")])));
        assert!(is_copied(
            &media(&[None, Some("a")]),
            &media(&[Some("a"), Some("x")])
        ));
        assert!(is_copied(&RemoteMedia::new(), &media(&[Some("x")])));
    }
}
