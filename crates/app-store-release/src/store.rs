//! Requests to App Store Connect, and what happens when an answer is lost.
//!
//! A change of unknown outcome is settled by doing it again where that is the same as doing it once (`PATCH`, `DELETE`),
//! and by looking first where it is not (`POST`).

use std::time::Duration;

use app_store_connect::{Call, Client, Error, Many, Resource};
use serde_json::{Map, Value, json};
use transport::{Backoff, Method, StatusCode};

/// The attributes of any resource.
pub(crate) type Attributes = Map<String, Value>;

/// Any resource.
pub(crate) type Object = Resource<Attributes>;

/// How often a change of unknown outcome is made again.
const ATTEMPTS: u32 = 4;

/// Pauses between attempts.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(300),
    longest: Duration::from_secs(10),
};

/// App Store Connect, as the engine needs it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
}

struct Read {
    path: String,
    query: Vec<(&'static str, String)>,
}

impl Call for Read {
    type Answer = Many<Attributes>;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        self.query.clone()
    }
}

struct ReadOne(Read);

impl Call for ReadOne {
    type Answer = Value;

    fn path(&self) -> String {
        self.0.path.clone()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        self.0.query.clone()
    }
}

struct Change {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Call for Change {
    type Answer = Value;

    fn method(&self) -> Method {
        self.method.clone()
    }

    fn path(&self) -> String {
        self.path.clone()
    }

    fn body(&self) -> Option<Value> {
        self.body.clone()
    }
}

/// A new resource.
#[derive(Debug, Clone)]
pub(crate) struct New {
    kind: &'static str,
    attributes: Value,
    relationships: Map<String, Value>,
}

impl New {
    pub(crate) fn of(kind: &'static str, attributes: Value) -> Self {
        Self {
            kind,
            attributes,
            relationships: Map::new(),
        }
    }

    /// Relates it to one other resource.
    pub(crate) fn with(mut self, name: &str, kind: &str, id: &str) -> Self {
        self.relationships
            .insert(name.to_owned(), json!({"data": {"type": kind, "id": id}}));
        self
    }

    /// Relates it to several others, in order.
    pub(crate) fn with_many<'a>(
        mut self,
        name: &str,
        kind: &str,
        ids: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let data: Vec<Value> = ids
            .into_iter()
            .map(|id| json!({"type": kind, "id": id}))
            .collect();
        self.relationships.insert(name.to_owned(), json!({"data": data}));
        self
    }

    fn document(&self) -> Value {
        let mut data = json!({"type": self.kind});
        if self
            .attributes
            .as_object()
            .is_some_and(|attributes| !attributes.is_empty())
        {
            data["attributes"] = self.attributes.clone();
        }
        if !self.relationships.is_empty() {
            data["relationships"] = Value::Object(self.relationships.clone());
        }
        json!({"data": data})
    }
}

impl Store {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A list, over all its pages.
    pub(crate) async fn list(
        &self,
        path: impl Into<String>,
        query: &[(&'static str, &str)],
    ) -> Result<Many<Attributes>, Error> {
        let query = query
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        self.client
            .items(&Read {
                path: path.into(),
                query,
            })
            .await
    }

    /// The first page of a list.
    pub(crate) async fn page(
        &self,
        path: impl Into<String>,
        query: &[(&'static str, &str)],
    ) -> Result<Many<Attributes>, Error> {
        let query = query
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        self.client
            .send(&Read {
                path: path.into(),
                query,
            })
            .await
    }

    /// One resource; `None` when Apple answers that there is none, with a 404 or with `data: null`.
    pub(crate) async fn get(
        &self,
        path: impl Into<String>,
        query: &[(&'static str, &str)],
    ) -> Result<Option<Object>, Error> {
        let found = self.get_with(path, query).await?;
        Ok(found.and_then(|found| found.data.into_iter().next()))
    }

    /// One resource with what comes along, as a list of one; `None` as in [`Store::get`].
    pub(crate) async fn get_with(
        &self,
        path: impl Into<String>,
        query: &[(&'static str, &str)],
    ) -> Result<Option<Many<Attributes>>, Error> {
        let query = query
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        let call = ReadOne(Read {
            path: path.into(),
            query,
        });
        match self.client.send(&call).await {
            Ok(document) if document["data"].is_null() => Ok(None),
            Ok(mut document) => {
                // Not every resource has attributes.
                if document["data"]["attributes"].is_null() {
                    document["data"]["attributes"] = json!({});
                }
                let included = match document["included"].take() {
                    Value::Null => json!([]),
                    included => included,
                };
                let page = json!({"data": [document["data"].take()], "included": included});
                Ok(Some(serde_json::from_value(page)?))
            }
            Err(error) if has_status(&error, StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a resource of which a second one does no harm, such as a request for an order.
    pub(crate) async fn post(&self, new: &New) -> Result<(), Error> {
        self.change(Method::POST, format!("v1/{}", new.kind), Some(new.document()))
            .await
            .map(drop)
    }

    /// Creates a resource. When the answer is lost, or another run was faster, `find` looks for it.
    pub(crate) async fn create<F>(&self, new: &New, find: impl Fn() -> F) -> Result<Object, Error>
    where
        F: Future<Output = Result<Option<Object>, Error>>,
    {
        let mut is_unsure = false;
        for attempt in 1.. {
            let call = Change {
                method: Method::POST,
                path: format!("v1/{}", new.kind),
                body: Some(new.document()),
            };
            match self.client.send(&call).await {
                Ok(mut document) => return Ok(serde_json::from_value(document["data"].take())?),
                Err(error) if is_unknown(&error) || is_duplicate(&error) => {
                    if let Some(found) = find().await? {
                        return Ok(found);
                    }
                    // Lists lag: what is a duplicate after an unknown outcome is what that request created.
                    is_unsure |= is_unknown(&error);
                    if attempt >= ATTEMPTS || !is_unsure {
                        return Err(error);
                    }
                    tokio::time::sleep(BACKOFF.random(attempt)).await;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// Changes attributes and to-one relationships of a resource.
    pub(crate) async fn patch(
        &self,
        kind: &str,
        id: &str,
        attributes: Value,
        relationships: Option<Value>,
    ) -> Result<Value, Error> {
        let mut data = json!({"type": kind, "id": id});
        if attributes
            .as_object()
            .is_some_and(|attributes| !attributes.is_empty())
        {
            data["attributes"] = attributes;
        }
        if let Some(relationships) = relationships {
            data["relationships"] = relationships;
        }
        self.change(
            Method::PATCH,
            format!("v1/{kind}/{id}"),
            Some(json!({"data": data})),
        )
        .await
    }

    /// Replaces (`PATCH`) or adds to (`POST`) a relationship; both may be done twice.
    pub(crate) async fn link(&self, method: Method, path: String, data: Value) -> Result<(), Error> {
        self.change(method, path, Some(json!({"data": data})))
            .await
            .map(drop)
    }

    /// Deletes a resource; one that is gone already is deleted.
    pub(crate) async fn delete(&self, kind: &str, id: &str) -> Result<(), Error> {
        match self.change(Method::DELETE, format!("v1/{kind}/{id}"), None).await {
            Err(error) if has_status(&error, StatusCode::NOT_FOUND) => Ok(()),
            result => result.map(drop),
        }
    }

    async fn change(&self, method: Method, path: String, body: Option<Value>) -> Result<Value, Error> {
        let call = Change { method, path, body };
        for attempt in 1.. {
            match self.client.send(&call).await {
                Err(error) if is_unknown(&error) && attempt < ATTEMPTS => {
                    tokio::time::sleep(BACKOFF.random(attempt)).await;
                }
                result => return result,
            }
        }
        unreachable!("the loop ends by returning")
    }
}

/// Whether it is unknown if a change took effect.
pub(crate) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Transport(transport::Error::OutcomeUnknown { .. }))
}

/// Whether something like it is there already.
fn is_duplicate(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| {
        refusal.status == StatusCode::CONFLICT
            && refusal.errors.iter().any(|error| {
                error.code.contains("DUPLICATE")
                    || error.detail.contains("already exists")
                    || error.detail.contains("already has")
                    || error.detail.contains("already in another")
                    || error.detail.contains("was already added")
                    || error.detail.contains("There is another reviewSubmissions")
                    || error.detail.contains("in the current state")
            })
    })
}

pub(crate) fn has_status(error: &Error, status: StatusCode) -> bool {
    error.refusal().is_some_and(|refusal| refusal.status == status)
}

/// Whether Apple says that the state of something forbids it, for now.
pub(crate) fn is_conflict(error: &Error) -> bool {
    has_status(error, StatusCode::CONFLICT)
}

/// A resource of which only the ID is known.
pub(crate) fn stub(kind: &str, id: &str) -> Object {
    serde_json::from_value(json!({"type": kind, "id": id, "attributes": {}}))
        .expect("a resource of ours is one")
}
