//! Removes one authenticator, or the second step.

use crate::login::audit::Value;
use crate::proof::state::State;
use crate::store::files::credential::Credential;
use crate::store::{Change, CredentialChange, StoredRecord};
use crate::words::account as words;

use super::act::{Act, WithStore};
use super::failure::Failure;
use super::{Actor, Context, Frontend, labels};

impl<M: WithStore> Context<'_, M> {
    /// Removes the authenticator with this label, or all. The state stays, so that no used code becomes valid again.
    pub(super) fn remove(
        &self,
        frontend: &mut impl Frontend,
        label: Option<&str>,
    ) -> Result<Act<String>, Failure> {
        let asked = match label {
            Some(label) => {
                self.others_than(&self.credential()?, label)?;
                words::PROVE_IT.to_owned()
            }
            None => {
                self.check_free()?;
                format!("{}\n{}", words::removes_all(labels(&self.credential()?)), words::PROVE_IT)
            }
        };
        let basis = self.prove(frontend, &asked)?;
        if label.is_none() {
            // Checked before the lock: the groups may be looked up over a network, and logins wait for the lock.
            self.renewed()?.check_free()?;
        }
        self.record()?.change(|credential, state| {
            let credential = self.credential_on(&basis, credential, state, words::UNCHANGED)?;
            match label {
                Some(label) => self.remove_one(credential, label),
                None => Ok(self.remove_all(state)),
            }
        })
    }

    fn remove_one(&self, credential: &Credential, label: &str) -> Result<(Change, Act<String>), Failure> {
        let left = self.others_than(credential, label)?;
        let mut credential = credential.clone();
        credential.authenticators.retain(|one| one.label != label);
        let act =
            Act::done("remove", format!(" authenticator={}", Value(label)), words::removed(label, left));
        Ok((Change { state: None, credential: CredentialChange::Stored(credential) }, act))
    }

    fn remove_all(&self, state: &State) -> (Change, Act<String>) {
        let state = Some(state.forget(&self.account.name));
        let act = Act::done("remove", "", words::removed_all(self.reader()));
        (Change { state, credential: CredentialChange::Removed }, act)
    }

    /// The authenticators that are left without `label`, in words. Fails if it does not exist or is the last one.
    fn others_than(&self, credential: &Credential, label: &str) -> Result<String, Failure> {
        self.check_has(credential, label)?;
        let others = credential.authenticators.iter().filter(|one| one.label != label);
        let others: Vec<_> = others.map(|one| format!("'{}'", one.label)).collect();
        if others.is_empty() {
            return Err(Failure::refused(
                words::only_authenticator(self.reader(), label),
                words::how_to_remove_all(self.reader()),
            ));
        }
        Ok(others.join(", "))
    }

    /// Fails if the owner must have a second step. Then only an administrator may remove it.
    fn check_free(&self) -> Result<(), Failure> {
        if self.actor == Actor::Administrator {
            return Ok(());
        }
        let Some(obligation) = self.obligation()? else { return Ok(()) };
        Err(Failure::refused(obligation.text(), words::HOW_TO_CHANGE_PHONES))
    }
}
