use super::*;
use crate::manage::rebind::Formerly::{self, Any, Rewritten};

/// A machine where the record of ada's uid has these names in its secret file and state.
fn named(secret: &str, state: &str) -> Site {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential(secret, &["phone"])).unwrap();
    site.store.create_state(7, State::new(state, UnixTime::new(30)).with_requirement(REQUIRED)).unwrap();
    site
}

fn rebind(site: &Site, formerly: Formerly) -> (Result<Option<String>, ActError>, Vec<String>) {
    site.acts(|acts| acts.rebind(&ada(), formerly))
}

fn stored_names(site: &Site) -> [String; 2] {
    [site.store.snapshot(7).credential.unwrap().unwrap().name, site.state().name]
}

#[test]
fn gives_a_record_the_name_of_its_account() {
    for (secret, state, old) in [("eva", "eva", "eva"), ("eva", "ada", "eva"), ("ada", "eva", "eva")] {
        let site = named(secret, state);
        let log = vec!["rebind ada from=eva".to_owned()];
        assert_eq!(rebind(&site, Any), (Ok(Some(old.to_owned())), log));
        assert_eq!(stored_names(&site), ["ada", "ada"]);
        assert_eq!(site.labels(), ["phone"]);
        assert_eq!(site.state(), State::new("ada", UnixTime::new(30)).with_requirement(REQUIRED));
        assert_eq!(rebind(&site, Any), (Ok(None), vec![]));
    }
}

#[test]
fn gives_a_record_of_one_file_the_name_of_its_account() {
    let site = Site::new(OPT_IN);
    assert_eq!(rebind(&site, Any), (Ok(None), vec![]));
    site.store.create_credential(&credential("eva", &["phone"])).unwrap();
    assert_eq!(rebind(&site, Any).0, Ok(Some("eva".to_owned())));
    assert!(site.store.credential(&ada()).is_ok() && site.store.snapshot(7).state.unwrap().is_none());
    let site = Site::new(OPT_IN);
    site.store.create_state(7, State::new("eva", UnixTime::new(30))).unwrap();
    assert_eq!(rebind(&site, Any).0, Ok(Some("eva".to_owned())));
    assert_eq!(site.state().name, "ada");
}

#[test]
fn refuses_record_of_another_existing_account() {
    for (secret, state) in [("eve", "eve"), ("eva", "eve"), ("eve", "ada")] {
        let site = named(secret, state);
        let before = site.files();
        let refused = ActError::NameInUse { name: "eve".to_owned(), uid: 8 };
        assert_eq!(rebind(&site, Any), (Err(refused), vec![]));
        assert!(site.files() == before);
    }
}

#[test]
fn follows_directory_only_if_name_is_certainly_the_same() {
    let site = named("CORP\\ADA", "ada@corp.example");
    assert_eq!(rebind(&site, Rewritten).0, Ok(Some("CORP\\ADA".to_owned())));
    assert_eq!(stored_names(&site), ["ada", "ada"]);
    for (secret, state) in [("eva", "ADA"), ("ADA", "eva")] {
        let site = named(secret, state);
        let refused = ActError::NotSurelySame { name: "eva".to_owned() };
        assert_eq!(rebind(&site, Rewritten), (Err(refused), vec![]));
        assert_eq!(stored_names(&site), [secret, state]);
    }
}

#[test]
fn shows_former_name_and_changes_nothing() {
    let site = named("ADA", "ADA");
    let before = site.files();
    let shown = site.acts(|acts| acts.former_name(&ada(), Rewritten));
    assert_eq!(shown, (Ok(Some("ADA".to_owned())), vec![]));
    assert!(site.files() == before);
    let refused = site.acts(|acts| acts.former_name(&eve(), Rewritten));
    assert_eq!(refused, (Ok(None), vec![]), "nothing is stored of her");
}

#[test]
fn rebinds_no_file_with_another_uid_in_it() {
    let with_another_uid = |name| {
        let site = named(name, "ada");
        let file = site.scratch.0.join("var/lib/twostep/users/7.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("uid = 7", "uid = 9")).unwrap();
        site
    };
    let site = with_another_uid("eva");
    let before = site.files();
    let (rebound, log) = rebind(&site, Any);
    assert!(matches!(rebound, Err(ActError::Misplaced { .. })) && log.is_empty());
    assert!(site.files() == before);
    assert_eq!(rebind(&with_another_uid("ada"), Any), (Ok(None), vec![]), "there is no other name");
}
