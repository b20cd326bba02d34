//! Finds where a file looks for a sentence in a text. Errors and causes are values, and no code takes their sentences
//! apart again.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprBinary, ExprMethodCall, ItemConst, ItemImpl, ItemMod, Lit, Pat};

use crate::sources::is_test;

/// The methods that look for one text in another.
const LOOKS: [&str; 14] = [
    "contains",
    "ends_with",
    "find",
    "match_indices",
    "matches",
    "replace",
    "replacen",
    "rfind",
    "rsplit_once",
    "split",
    "split_once",
    "starts_with",
    "strip_prefix",
    "strip_suffix",
];

/// The texts with a blank and a letter for which a file looks, and the constants with texts of this kind.
#[derive(Default)]
pub(crate) struct Sentences {
    pub looked_for: BTreeSet<String>,
    pub constants: BTreeSet<String>,
    /// The names that the file compares with something.
    pub compared: BTreeSet<String>,
}

impl Sentences {
    pub(crate) fn of(file: &syn::File) -> Self {
        let mut sentences = Self::default();
        sentences.visit_file(file);
        sentences
    }

    fn look(&mut self, expression: &Expr) {
        if let Expr::Lit(literal) = expression {
            self.looked_for.extend(sentence(&literal.lit));
        } else if let Expr::Path(path) = expression {
            self.compared.extend(path.path.segments.last().map(|last| last.ident.to_string()));
        } else if let Expr::Reference(inner) = expression {
            self.look(&inner.expr);
        } else if let Expr::Paren(inner) = expression {
            self.look(&inner.expr);
        } else if let Expr::Array(list) = expression {
            list.elems.iter().for_each(|one| self.look(one));
        }
    }
}

fn sentence(literal: &Lit) -> Option<String> {
    let Lit::Str(text) = literal else { return None };
    let text = text.value();
    (text.contains(' ') && text.contains(char::is_alphabetic)).then_some(text)
}

impl<'a> Visit<'a> for Sentences {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, item: &'a ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_const(&mut self, item: &'a ItemConst) {
        if let Expr::Lit(literal) = &*item.expr
            && sentence(&literal.lit).is_some()
        {
            self.constants.insert(item.ident.to_string());
        }
        visit::visit_item_const(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        if LOOKS.iter().any(|name| call.method == name) {
            call.args.iter().for_each(|argument| self.look(argument));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_binary(&mut self, binary: &'a ExprBinary) {
        if matches!(binary.op, BinOp::Eq(_) | BinOp::Ne(_)) {
            self.look(&binary.left);
            self.look(&binary.right);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_pat(&mut self, pattern: &'a Pat) {
        if let Pat::Lit(literal) = pattern {
            self.looked_for.extend(sentence(&literal.lit));
        }
        visit::visit_pat(self, pattern);
    }
}
