//! What the portal's services for sessions say, in the words of this crate, and the other way round.

use developer_portal as portal;
use developer_portal::Slug;
use provisioning::{
    BundleIdentifier, Details, Device, DeviceClass, PortalProfile, ProfileType, Query, ResourceId, Udid,
};

use crate::portal::{NewProfile, PortalError, listed_id};

pub(crate) fn request<'a>(
    new: NewProfile<'a>,
    certificates: &'a [String],
    devices: &'a [String],
) -> portal::ProfileRequest<'a> {
    portal::ProfileRequest {
        slug: if new.profile_type.is_mac() {
            Slug::Mac
        } else {
            Slug::Ios
        },
        name: new.name,
        app_id: new.bundle_id.as_str(),
        distribution: method(new.profile_type),
        sub_platform: (new.profile_type.platform_name() == "tvOS").then_some("tvOS"),
        certificates,
        devices,
    }
}

/// What the portal calls the distribution of a profile type.
fn method(profile_type: ProfileType) -> &'static str {
    use ProfileType as T;
    match profile_type {
        T::IosAppDevelopment
        | T::TvosAppDevelopment
        | T::MacAppDevelopment
        | T::MacCatalystAppDevelopment => "limited",
        T::IosAppAdhoc | T::TvosAppAdhoc => "adhoc",
        T::IosAppStore | T::TvosAppStore | T::MacAppStore | T::MacCatalystAppStore => "store",
        T::IosAppInhouse | T::TvosAppInhouse | T::MacAppInhouse => "inhouse",
        T::MacAppDirect | T::MacCatalystAppDirect => "direct",
    }
}

/// The type of a listed profile; `None` for one that this crate does not know.
fn type_of(listed: &portal::Profile) -> Option<ProfileType> {
    use ProfileType as T;
    let is_tv = listed.sub_platform.eq_ignore_ascii_case("tvOS");
    Some(
        match (
            listed.platform.as_str(),
            is_tv,
            listed.distribution_method.as_str(),
        ) {
            ("ios", false, "limited") => T::IosAppDevelopment,
            ("ios", false, "adhoc") => T::IosAppAdhoc,
            ("ios", false, "store") => T::IosAppStore,
            ("ios", false, "inhouse") => T::IosAppInhouse,
            ("ios", true, "limited") => T::TvosAppDevelopment,
            ("ios", true, "adhoc") => T::TvosAppAdhoc,
            ("ios", true, "store") => T::TvosAppStore,
            ("ios", true, "inhouse") => T::TvosAppInhouse,
            ("mac", false, "limited") => T::MacAppDevelopment,
            ("mac", false, "store") => T::MacAppStore,
            ("mac", false, "direct") => T::MacAppDirect,
            _ => return None,
        },
    )
}

pub(crate) fn profile(listed: &portal::Profile, content: Vec<u8>) -> PortalProfile {
    let mut details = Details::read(&content);
    // Older files do not say that Xcode made them; the portal, or the name, does.
    if let Some(details) = &mut details {
        details.xcode_managed |= is_managed(listed);
    }
    PortalProfile {
        id: ResourceId::new(&listed.provisioning_profile_id),
        name: listed.name.clone(),
        profile_type: type_of(listed),
        active: listed.status != "Invalid",
        details,
        content,
    }
}

/// Whether Xcode made it for itself. The names are those of several generations of Xcode.
pub(crate) fn is_managed(listed: &portal::Profile) -> bool {
    let families = ["iOS Team", "tvOS Team", "Mac Team", "Mac Catalyst Team"];
    let by_name = listed.name.starts_with("XC")
        || (families.iter().any(|family| listed.name.starts_with(family))
            && listed.name.contains("Provisioning Profile"));
    match listed.managing_app.as_deref() {
        Some(app) => app == "Xcode",
        None => by_name,
    }
}

/// Whether a profile that Xcode manages may be for one of the bundle IDs. Its name says for which; where it does not, its
/// file must be looked at.
pub(crate) fn may_serve(listed: &portal::Profile, query: &Query) -> bool {
    match listed.name.split_once(": ") {
        Some((family, identifier)) if !family.starts_with("XC") => query
            .bundle_ids
            .iter()
            .any(|wanted| BundleIdentifier::new(identifier).is_some_and(|known| known.covers(wanted))),
        _ => true,
    }
}

/// A listed device; `None` for one without a UDID, which no profile can list.
pub(crate) fn device(listed: portal::Device, what: &str) -> Result<Option<Device>, PortalError> {
    match Udid::new(&listed.device_number) {
        Some(udid) => registered(listed, udid, what).map(Some),
        None => {
            tracing::debug!("the device {} has no UDID", listed.name);
            Ok(None)
        }
    }
}

/// The device with this UDID.
pub(crate) fn registered(listed: portal::Device, udid: Udid, what: &str) -> Result<Device, PortalError> {
    let class = match listed.device_class.to_lowercase().as_str() {
        "iphone" => DeviceClass::Iphone,
        "ipad" => DeviceClass::Ipad,
        "ipod" => DeviceClass::Ipod,
        "watch" => DeviceClass::AppleWatch,
        "tvos" | "appletv" => DeviceClass::AppleTv,
        // How the older services spell the two kinds of Mac is not known.
        "mac" | "intelmac" | "applesiliconmac" => DeviceClass::Mac,
        "vision" | "applevision" | "applevisionpro" => DeviceClass::AppleVisionPro,
        other => DeviceClass::from_apple(&other.to_uppercase()),
    };
    Ok(Device {
        id: listed_id(listed.device_id, what)?,
        name: listed.name,
        udid,
        class,
        enabled: listed.status == "c",
        processing: listed.status == "p",
        added_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, managing_app: Option<&str>) -> portal::Profile {
        let json = serde_json::json!({
            "provisioningProfileId": "P", "name": name, "managingApp": managing_app,
            "proProPlatform": "ios", "proProSubPlatform": "tvOS", "distributionMethod": "adhoc",
        });
        serde_json::from_value(json).expect("a profile")
    }

    #[test]
    fn xcodes_own_profiles_are_recognised_by_the_portal_or_by_name() {
        for (name, app, expected) in [
            ("anything", Some("Xcode"), true),
            ("iOS Team Provisioning Profile: *", None, true),
            ("tvOS Team Ad Hoc Provisioning Profile: a.b", None, true),
            ("XC iOS: com-example-app", None, true),
            ("iOS Team of ours", None, false),
            ("Bitrise ios development - (a.b)", None, false),
        ] {
            assert_eq!(is_managed(&listed(name, app)), expected, "{name}");
        }
    }

    #[test]
    fn a_managed_profile_is_looked_at_only_where_its_name_does_not_exclude_it() {
        let query = Query {
            bundle_ids: vec!["com.example.app".parse().expect("a bundle ID")],
            ..Query::default()
        };
        for (name, expected) in [
            ("iOS Team Provisioning Profile: com.example.app", true),
            ("iOS Team Provisioning Profile: com.example.*", true),
            ("iOS Team Provisioning Profile: *", true),
            ("iOS Team Provisioning Profile: com.other", false),
            ("XC iOS: com-example-app", true),
            ("iOS Team Provisioning Profile", true),
        ] {
            assert_eq!(may_serve(&listed(name, None), &query), expected, "{name}");
        }
    }

    #[test]
    fn tv_profiles_stand_among_those_of_ios() {
        assert_eq!(type_of(&listed("x", None)), Some(ProfileType::TvosAppAdhoc));
    }
}
