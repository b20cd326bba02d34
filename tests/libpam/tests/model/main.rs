//! Random histories of several users. After each step the PAM code, the reason in the log, the exit status and all stored
//! records are compared with a reference model. Also random concurrent logins, which some order of them must explain.
//!
//! PROPTEST_CASES sets the number of histories; `make model` runs many. A history that fails is shrunk and kept in
//! `seeds.txt` beside this file. Later runs try it first.

mod at_once;
mod history;
mod reference;
mod site;
