//! Pass type IDs: the same that the API by key has.

use serde_json::{Map, Value, json};

use super::{Call, No, Outcome, Yes, payload};
use crate::asc::body::Draft;
use crate::asc::objects::Key;
use crate::asc::rules;
use crate::state::State;

const KIND: &str = "passTypeIds";

fn pass(id: &str, state: &State) -> Value {
    let text = |name: &str| state.objects.text(KIND, id, name);
    json!({
        "passTypeId": id,
        "name": text("name"),
        "identifier": text("identifier"),
        "prefix": state.team_id,
        "status": "current",
        "canEdit": true,
        "canDelete": true,
    })
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Outcome {
    let ids = state.objects.ids(KIND);
    call.page("passTypeIdList", ids.iter().map(|id| pass(id, state)).collect())
}

pub(super) fn add(call: &Call<'_>, state: &mut State) -> Outcome {
    let attributes = json!({"name": call.require("name")?, "identifier": call.require("identifier")?});
    let draft = Draft::of(KIND, attributes, &[]);
    let made = rules::create(&mut rules::Change::by_session(state), draft)
        .map_err(|refusal| No::new(9400, refusal.detail()))?;
    payload("passTypeId", pass(&made.id, state))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Outcome {
    let key = Key::new(KIND, call.require("passTypeId")?);
    if state.objects.get(KIND, &key.id).is_none() {
        return Err(No::data(format!("There is no '{}' on this team.", key.id)));
    }
    rules::delete(&mut rules::Change::by_session(state), &key)
        .map_err(|refusal| No::data(refusal.detail()))?;
    Ok(Yes::Payload(Map::new()))
}
