//! Making a distribution.

use std::time::Duration;

use apple_types::StorePlatform;
use futures_util::future;
use serde_json::{Value, json};
use transport::Method;

use crate::engine::{Engine, build_label};
use crate::error::{ReleaseError, api};
use crate::plan::to_attributes;
use crate::snapshot::{App, AppName, text};
use crate::store::{New, is_conflict};
use crate::testflight::plan::{self, BetaAction};
use crate::testflight::snapshot::{BetaApp, BetaBuild, BetaSnapshot, build, others};
use crate::testflight::{BetaReview, BuildName, Distributed, Distribution, PreparedDistribution};
use crate::wait::Wait;

/// How long an answer about encryption may take to show.
const COMPLIANCE_TIMEOUT: Duration = Duration::from_secs(120);

impl Engine {
    /// Finds the app of a distribution.
    ///
    /// # Errors
    /// When there is none, or App Store Connect can't be asked.
    pub async fn find_beta_app(&self, name: &AppName) -> Result<BetaApp, ReleaseError> {
        BetaApp::find(&self.store, name).await
    }

    /// Observes and plans; nothing is changed. `build` is `None` for one that is uploaded later in this run.
    ///
    /// # Errors
    /// When a group does not exist, the build is not there, or what external testing needs is missing.
    pub async fn prepare_distribution(
        &self,
        wanted: &Distribution,
        app: &BetaApp,
        platform: Option<StorePlatform>,
        name: Option<&BuildName>,
    ) -> Result<PreparedDistribution, ReleaseError> {
        let snapshot = self.observe_distribution(wanted, app, platform, name).await?;
        if let (Some(name), None) = (name, &snapshot.build) {
            let is_uploaded = match name {
                BuildName::Id(_) => false,
                BuildName::Numbers { version, number } => {
                    let (version, number) = (version.as_deref(), number.as_deref());
                    self.is_uploaded(&app.app, platform, version, number).await
                }
            };
            // What was uploaded just now is planned as a build without anything, and waited for.
            if !is_uploaded {
                return Err(self.missing_build(&app.app, name.label()).await);
            }
        }
        let plan = plan::plan(wanted, &snapshot)?;
        Ok(PreparedDistribution { snapshot, plan })
    }

    async fn observe_distribution(
        &self,
        wanted: &Distribution,
        app: &BetaApp,
        platform: Option<StorePlatform>,
        name: Option<&BuildName>,
    ) -> Result<BetaSnapshot, ReleaseError> {
        let store = &self.store;
        let find = async {
            match name {
                Some(name) => build(store, &app.app.id, platform, name)
                    .await
                    .map_err(api("read the build")),
                None => Ok(None),
            }
        };
        let expired = async {
            if wanted.expire_previous {
                others(store, &app.app.id).await
            } else {
                Ok(Vec::new())
            }
        };
        let all_groups = async {
            if wanted.groups.is_empty() {
                Ok(Vec::new())
            } else {
                app.groups(store).await
            }
        };
        let (build, groups, others) = futures_util::try_join!(find, all_groups, expired)?;
        let mut snapshot = BetaSnapshot {
            app: app.app.clone(),
            build,
            groups,
            texts: Default::default(),
            contact: None,
            others,
        };
        let named = plan::groups(wanted, &snapshot.groups)?;
        let external = wanted.review == BetaReview::Yes
            || (wanted.review == BetaReview::Automatic && named.iter().any(|group| !group.is_internal));
        let submits = external
            && snapshot.build.as_ref().is_none_or(|build| {
                matches!(
                    build.external_state.as_str(),
                    "" | "PROCESSING" | "MISSING_EXPORT_COMPLIANCE" | "READY_FOR_BETA_SUBMISSION"
                )
            });
        let needs_texts = submits || !wanted.description.is_empty() || wanted.feedback_email.is_some();
        let needs_contact = submits || !wanted.contact.is_empty();
        let texts = async {
            if needs_texts {
                app.texts(store).await
            } else {
                Ok(Default::default())
            }
        };
        let contact = async {
            if needs_contact {
                app.contact(store).await
            } else {
                Ok(None)
            }
        };
        (snapshot.texts, snapshot.contact) = futures_util::try_join!(texts, contact)?;
        Ok(snapshot)
    }

    /// Waits until Apple has processed the build, makes the changes, and gives it to the groups.
    ///
    /// # Errors
    /// When Apple refuses something, or takes longer than `patience`.
    pub async fn distribute(
        &self,
        wanted: &Distribution,
        app: &App,
        platform: Option<StorePlatform>,
        name: &BuildName,
        patience: Duration,
    ) -> Result<Distributed, ReleaseError> {
        let processed = self.await_processing(app, platform, name, patience).await?;
        let id = BuildName::Id(processed.build.id.clone());
        // Hours can have passed since the groups and texts were read.
        let app = self.find_beta_app(&AppName::Id(app.id.clone())).await?;
        let prepared = self
            .prepare_distribution(wanted, &app, platform, Some(&id))
            .await?;
        self.make(&prepared, platform).await
    }

    /// Makes the changes of a distribution that was prepared with a build that Apple has processed.
    ///
    /// # Errors
    /// When Apple refuses something.
    pub async fn make(
        &self,
        prepared: &PreparedDistribution,
        platform: Option<StorePlatform>,
    ) -> Result<Distributed, ReleaseError> {
        let PreparedDistribution { snapshot, plan } = prepared;
        let Some(found) = &snapshot.build else {
            return Err(ReleaseError::NoBuild {
                build: "build".to_owned(),
                available: Vec::new(),
            });
        };
        let is_last = |action: &BetaAction| {
            matches!(
                action,
                BetaAction::SubmitForBetaReview | BetaAction::AddToGroup { .. }
            )
        };
        let is_compliance = |action: &BetaAction| matches!(action, BetaAction::AnswerCompliance { .. });
        let first: Vec<_> = plan.actions.iter().filter(|action| !is_last(action)).collect();
        let results = future::join_all(first.iter().map(|action| self.change(snapshot, found, action))).await;
        ReleaseError::join(results.into_iter().filter_map(Result::err).collect())?;
        let external_state = match (
            plan.actions.iter().any(is_compliance),
            plan.actions.iter().any(is_last),
        ) {
            (true, true) => self.await_compliance(&snapshot.app, platform, found).await?,
            // The answer changes the state, and nothing here depends on when.
            (true, false) => String::new(),
            (false, _) => found.external_state.clone(),
        };
        if plan.actions.contains(&BetaAction::SubmitForBetaReview) {
            self.submit_for_beta_review(found).await?;
        }
        let new: Vec<Value> = plan
            .actions
            .iter()
            .filter_map(|action| match action {
                BetaAction::AddToGroup { id, .. } => Some(json!({"type": "betaGroups", "id": id})),
                _ => None,
            })
            .collect();
        if !new.is_empty() {
            let path = format!("v1/builds/{}/relationships/betaGroups", found.build.id);
            let added = self.store.link(Method::POST, path, Value::Array(new)).await;
            added.map_err(api(format!("give build {} to its groups", found.build.number)))?;
        }
        let named = |group: &&crate::testflight::BetaGroup| {
            found.groups.contains(&group.id)
                || plan
                    .actions
                    .iter()
                    .any(|action| matches!(action, BetaAction::AddToGroup { id, .. } if *id == group.id))
        };
        Ok(Distributed {
            app_id: snapshot.app.id.clone(),
            build_id: found.build.id.clone(),
            number: found.build.number.clone(),
            platform: found.build.platform,
            is_external: snapshot
                .groups
                .iter()
                .filter(named)
                .any(|group| !group.is_internal),
            external_state: if plan.actions.contains(&BetaAction::SubmitForBetaReview) {
                "WAITING_FOR_BETA_REVIEW".to_owned()
            } else {
                external_state
            },
            public_link: snapshot
                .groups
                .iter()
                .filter(named)
                .find_map(|group| group.public_link.clone()),
        })
    }

    async fn await_processing(
        &self,
        app: &App,
        platform: Option<StorePlatform>,
        name: &BuildName,
        patience: Duration,
    ) -> Result<BetaBuild, ReleaseError> {
        let mut wait = Wait::for_at_most("the processing of the build", patience);
        let activity = tracing::info_span!(
            "activity",
            what = "waiting for App Store Connect to process the build",
            state = tracing::field::Empty
        );
        loop {
            let found = build(&self.store, &app.id, platform, name)
                .await
                .map_err(api("read the build"))?;
            let state = found
                .as_ref()
                .map_or("not listed yet", |found| found.build.processing_state.as_str())
                .to_owned();
            if let Some(found) = found
                && is_processed(&found)?
            {
                return Ok(found);
            }
            activity.record("state", state.as_str());
            wait.pause(&state).await?;
        }
    }

    /// Waits until the answer to export compliance shows, and returns the build's external state then.
    async fn await_compliance(
        &self,
        app: &App,
        platform: Option<StorePlatform>,
        found: &BetaBuild,
    ) -> Result<String, ReleaseError> {
        let mut wait = Wait::for_at_most(
            "the answer to export compliance to take effect",
            COMPLIANCE_TIMEOUT,
        );
        let name = BuildName::Id(found.build.id.clone());
        loop {
            let now = build(&self.store, &app.id, platform, &name)
                .await
                .map_err(api("read the build"))?;
            let state = now.map(|now| now.external_state).unwrap_or_default();
            if !matches!(state.as_str(), "MISSING_EXPORT_COMPLIANCE" | "PROCESSING" | "") {
                return Ok(state);
            }
            wait.pause(&state).await?;
        }
    }

    async fn change(
        &self,
        snapshot: &BetaSnapshot,
        found: &BetaBuild,
        action: &BetaAction,
    ) -> Result<(), ReleaseError> {
        let store = &self.store;
        let app = &snapshot.app.id;
        match action {
            BetaAction::UpdateContact { changes } => {
                let id = snapshot
                    .contact
                    .as_ref()
                    .and_then(|contact| contact.id.clone())
                    .unwrap_or_else(|| app.clone());
                let patched = store
                    .patch("betaAppReviewDetails", &id, to_attributes(changes), None)
                    .await;
                patched.map(drop).map_err(api("update the beta review contact"))
            }
            BetaAction::UpdateBetaTexts { locale, changes } => {
                let what = || api(format!("update the beta texts of {locale}"));
                let attributes = to_attributes(changes);
                match snapshot.texts.get(locale).and_then(|own| own.id.as_deref()) {
                    Some(id) => store
                        .patch("betaAppLocalizations", id, attributes, None)
                        .await
                        .map(drop)
                        .map_err(what()),
                    None => {
                        let mut attributes = attributes;
                        attributes["locale"] = locale.clone().into();
                        let new = New::of("betaAppLocalizations", attributes).with("app", "apps", app);
                        let find = || async {
                            let page = store
                                .list(
                                    "v1/betaAppLocalizations",
                                    &[("filter[app]", app), ("limit", "200")],
                                )
                                .await?;
                            Ok(page
                                .data
                                .into_iter()
                                .find(|own| text(&own.attributes, "locale") == *locale))
                        };
                        store.create(&new, find).await.map(drop).map_err(what())
                    }
                }
            }
            BetaAction::AnswerCompliance { uses_encryption } => {
                let answered = store
                    .patch(
                        "builds",
                        &found.build.id,
                        json!({"usesNonExemptEncryption": uses_encryption}),
                        None,
                    )
                    .await;
                match answered {
                    // Somebody was faster; Apple takes one answer only.
                    Err(error) if is_conflict(&error) => {
                        let now = store
                            .get(format!("v1/builds/{}", found.build.id), &[])
                            .await
                            .map_err(api("read the build"))?;
                        match now {
                            Some(now)
                                if now.attributes.get("usesNonExemptEncryption")
                                    == Some(&(*uses_encryption).into()) =>
                            {
                                Ok(())
                            }
                            _ => Err(api("answer the export compliance")(error)),
                        }
                    }
                    result => result.map(drop).map_err(api("answer the export compliance")),
                }
            }
            BetaAction::UpdateWhatsNew { locale, to, .. } => {
                let what = || api(format!("update what to test in {locale}"));
                match found.whats_new.get(locale).and_then(|own| own.id.as_deref()) {
                    Some(id) => store
                        .patch("betaBuildLocalizations", id, json!({"whatsNew": to}), None)
                        .await
                        .map(drop)
                        .map_err(what()),
                    None => {
                        let new = New::of(
                            "betaBuildLocalizations",
                            json!({"locale": locale, "whatsNew": to}),
                        )
                        .with("build", "builds", &found.build.id);
                        let find = || async {
                            let query = [("filter[build]", found.build.id.as_str()), ("limit", "200")];
                            let page = store.list("v1/betaBuildLocalizations", &query).await?;
                            Ok(page
                                .data
                                .into_iter()
                                .find(|own| text(&own.attributes, "locale") == *locale))
                        };
                        let own = store.create(&new, find).await.map_err(what())?;
                        if own
                            .attributes
                            .get("whatsNew")
                            .is_some_and(|text| text == to.as_str())
                        {
                            return Ok(());
                        }
                        store
                            .patch("betaBuildLocalizations", &own.id, json!({"whatsNew": to}), None)
                            .await
                            .map(drop)
                            .map_err(what())
                    }
                }
            }
            BetaAction::SetNotify { notify } => {
                let patched = store
                    .patch(
                        "buildBetaDetails",
                        &found.build.id,
                        json!({"autoNotifyEnabled": notify}),
                        None,
                    )
                    .await;
                patched
                    .map(drop)
                    .map_err(api("change the notification of testers"))
            }
            BetaAction::ExpireBuild { id, number } => {
                let expired = store.patch("builds", id, json!({"expired": true}), None).await;
                expired.map(drop).map_err(api(format!("expire build {number}")))
            }
            BetaAction::SubmitForBetaReview | BetaAction::AddToGroup { .. } => Ok(()),
        }
    }

    async fn submit_for_beta_review(&self, found: &BetaBuild) -> Result<(), ReleaseError> {
        let id = &found.build.id;
        let new = New::of("betaAppReviewSubmissions", json!({})).with("build", "builds", id);
        let find = || async {
            let page = self
                .store
                .list("v1/betaAppReviewSubmissions", &[("filter[build]", id)])
                .await?;
            Ok(page.data.into_iter().next())
        };
        self.store.create(&new, find).await.map(drop).map_err(api(format!(
            "submit build {} for beta review",
            found.build.number
        )))
    }
}

impl BuildName {
    /// The build in words, such as `build 42 of version 1.1`.
    fn label(&self) -> String {
        match self {
            Self::Id(id) => format!("build with the ID {id}"),
            Self::Numbers { version, number } => build_label(version.as_deref(), number.as_deref()),
        }
    }
}

/// Whether Apple has processed a build.
fn is_processed(found: &BetaBuild) -> Result<bool, ReleaseError> {
    let unusable = |reason: &str| {
        Err(ReleaseError::UnusableBuild {
            build: found.build.number.clone(),
            reason: reason.to_owned(),
        })
    };
    match found.build.processing_state.as_str() {
        "FAILED" | "INVALID" => return unusable("was refused by App Store Connect when it was processed"),
        _ if found.build.expired => return unusable("has expired"),
        "PROCESSING" => return Ok(false),
        _ => {}
    }
    Ok(found.internal_state != "PROCESSING" && found.external_state != "PROCESSING")
}
