//! Random histories of several people, each step compared with a reference model: PAM's code, the reason in the log, an exit
//! status, and everything that is stored of anybody. And random logins at once, which some order of them must explain.
//!
//! PROPTEST_CASES says how many histories are tried; `make model` asks for many. One that fails is shrunk, and kept in
//! `seeds.txt` beside this file, to be tried first from then on.

mod at_once;
mod history;
mod reference;
mod site;
