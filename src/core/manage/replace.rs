//! Replaces an authenticator: for a phone that is lost, or a new one.

use crate::dialogue::screen::Screen;
use crate::login::audit::Value;
use crate::store::StoredRecord;
use crate::store::enroll as stored;
use crate::store::files::credential::Credential;
use crate::words::{account as words, login};

use super::act::{Act, WithStore};
use super::failure::Failure;
use super::{Context, Frontend, labels};

impl<M: WithStore> Context<'_, M> {
    /// Enrolls a new authenticator in place of the one with this label, which need not be named if it is the only one.
    /// The old one works until the new one is stored, and not after that. The recovery codes stay.
    pub(super) fn replace(
        &self,
        frontend: &mut impl Frontend,
        label: Option<&str>,
        screen: Screen,
    ) -> Result<Act<String>, Failure> {
        // Checked before the dialogue: later, the user would have typed the codes for nothing.
        let label = self.label_of(&self.credential()?, label)?;
        self.check_state()?;
        let why = format!("{}\n{}", words::replaces(&label), words::PROVE_IT);
        let basis = self.prove(frontend, &why)?;
        let enrollment = self.dialogue(frontend, &label, screen, 0)?;
        let left = self.record()?.change(|credential, state| {
            let credential = self.credential_on(&basis, credential, state, words::DELETE_ENTRY)?;
            let change = stored::replacement(credential, state, &enrollment);
            Ok::<_, Failure>((change.map_err(|denial| self.explain(denial))?, state.recovery.left()))
        })?;
        let few = left.and_then(login::few_left).map_or_else(String::new, |few| format!("\n{few}"));
        let text = words::replaced(&label) + &few;
        Ok(Act::done("replace", format!(" authenticator={}", Value(&label)), text))
    }

    /// The label of the authenticator to be replaced.
    fn label_of(&self, credential: &Credential, label: Option<&str>) -> Result<String, Failure> {
        match (label, credential.authenticators.as_slice()) {
            (None, [only]) => Ok(only.label.clone()),
            (None, _) => Err(Failure::refused(
                words::several_authenticators(self.reader(), labels(credential)),
                words::how_to_replace_one(self.reader()),
            )),
            (Some(label), _) => self.check_has(credential, label).map(|()| label.to_owned()),
        }
    }
}
