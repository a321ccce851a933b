//! The secrets that are known, and what finds them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::SHORTEST_SUBSTRING;
use crate::automaton::{Automata, Automaton};
use crate::forms;

/// What was learned, in layers: secrets are learned all through a run, and the forms of a private key are thousands.
#[derive(Default)]
pub(crate) struct Secrets {
    learned: BTreeSet<String>,
    /// Forms that no layer has yet. Secrets are learned several at a time, so a layer is built when it is needed.
    new: Forms,
    /// Each has at least twice as many forms as the next.
    layers: Vec<Layer>,
    automata: Option<Arc<Automata>>,
}

struct Layer {
    forms: Forms,
    automaton: Arc<Automaton>,
}

#[derive(Default)]
struct Forms {
    /// Every form of long secrets.
    anywhere: BTreeSet<Vec<u8>>,
    /// Short secrets.
    words: BTreeSet<Vec<u8>>,
}

impl Forms {
    fn len(&self) -> usize {
        self.anywhere.len() + self.words.len()
    }

    fn append(&mut self, mut other: Self) {
        self.anywhere.append(&mut other.anywhere);
        self.words.append(&mut other.words);
    }
}

impl Secrets {
    /// Learns a secret that is not blank, and its forms.
    pub(crate) fn learn(&mut self, secret: &str) {
        if !self.learned.insert(secret.to_owned()) {
            return;
        }
        if secret.chars().count() < SHORTEST_SUBSTRING {
            self.new.words.insert(secret.as_bytes().to_vec());
        } else {
            let forms = forms::of(secret).into_iter();
            self.new
                .anywhere
                .extend(forms.filter(|form| form.len() >= SHORTEST_SUBSTRING));
        }
    }

    /// Learns texts as they are, without the forms that encoders give them.
    #[cfg(test)]
    pub(crate) fn learn_plain(&mut self, secrets: &[String]) {
        let plain = secrets.iter().map(|secret| secret.as_bytes().to_vec());
        self.new.anywhere.extend(plain);
    }

    pub(crate) fn has_new(&self) -> bool {
        self.new.len() > 0
    }

    /// What finds the secrets of all layers; `None` when there are none.
    pub(crate) fn automata(&self) -> Option<Arc<Automata>> {
        self.automata.clone()
    }

    /// Makes a layer of what is new. Smaller layers are merged into it, so that there are few, and a large one is not
    /// built again for a secret or two.
    pub(crate) fn build(&mut self) {
        let mut forms = std::mem::take(&mut self.new);
        while let Some(last) = self.layers.pop_if(|last| last.forms.len() < 2 * forms.len()) {
            forms.append(last.forms);
        }
        if let Some(automaton) = Automaton::new(&forms.anywhere, &forms.words).map(Arc::new) {
            self.layers.push(Layer { forms, automaton });
        }
        let layers = self.layers.iter().map(|layer| layer.automaton.clone());
        self.automata = Some(Arc::new(Automata::new(layers.collect())));
    }
}
