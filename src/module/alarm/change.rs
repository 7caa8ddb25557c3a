//! Rules: in the database first, then in the book, then judged by.

use std::rc::Rc;
use std::sync::Arc;

use super::super::error::ModuleError;
use super::desk::Desk;
use super::messages::ListRules;
use super::view::{NewRule, RuleChange, RuleView};
use crate::auth::Principal;
use crate::domain::alarm::{AlarmRule, Condition, ConditionWords, RuleScope};
use crate::domain::grant::Permission;
use crate::domain::ids::{ModuleId, RuleId};
use crate::domain::time::Timestamp;
use crate::store::{StoreError, alarm_rules};

impl Desk {
    /// Makes a rule.
    pub async fn create_rule(self: &Rc<Self>, by: &Principal, new: NewRule) -> Result<RuleView, ModuleError> {
        let scope = scope_of(&new)?;
        let condition = condition_of(new.condition)?;
        let _turn = self.line.turn().await?;
        self.check_scope(by, &scope)?;
        self.check_room(by, &scope)?;
        let now = Timestamp::now();
        let rule = Arc::new(AlarmRule {
            id: RuleId::generate(),
            name: new.name,
            severity: new.severity,
            scope,
            condition,
            enabled: new.enabled,
            by: by.user_id.clone(),
            created_at: now,
            updated_at: now,
        });
        let row = Arc::clone(&rule);
        match (self.store.write(move |conn| alarm_rules::insert(conn, &row)).await, &rule.scope) {
            (Err(StoreError::Conflict(_)), RuleScope::Module(id)) => return Err(ModuleError::NotFound(id.clone())),
            (stored, _) => stored?,
        }
        self.book.borrow_mut().insert(Arc::clone(&rule));
        self.judge_anew(&rule.scope);
        Ok(RuleView::from(&*rule))
    }

    /// Changes a rule.
    pub async fn change_rule(
        self: &Rc<Self>,
        by: &Principal,
        id: &RuleId,
        change: RuleChange,
    ) -> Result<RuleView, ModuleError> {
        let condition = change.condition.map(condition_of).transpose()?;
        let _turn = self.line.turn().await?;
        let before = self.visible_rule(by, id)?;
        self.check_scope(by, &before.scope)?;
        let mut after = AlarmRule::clone(&before);
        after.name = change.name.unwrap_or(after.name);
        after.severity = change.severity.unwrap_or(after.severity);
        after.condition = condition.unwrap_or(after.condition);
        after.enabled = change.enabled.unwrap_or(after.enabled);
        if after == *before {
            return Ok(RuleView::from(&after));
        }
        after.updated_at = Timestamp::now();
        let after = Arc::new(after);
        let row = Arc::clone(&after);
        match self.store.write(move |conn| alarm_rules::update(conn, &row)).await {
            Err(StoreError::NotFound) => return Err(ModuleError::NoSuchRule),
            stored => stored?,
        }
        self.book.borrow_mut().insert(Arc::clone(&after));
        self.judge_anew(&after.scope);
        Ok(RuleView::from(&*after))
    }

    /// Removes a rule; its alarms are cleared.
    pub async fn delete_rule(self: &Rc<Self>, by: &Principal, id: &RuleId) -> Result<RuleView, ModuleError> {
        let _turn = self.line.turn().await?;
        let rule = self.visible_rule(by, id)?;
        self.check_scope(by, &rule.scope)?;
        let gone = id.clone();
        match self.store.write(move |conn| alarm_rules::delete(conn, &gone)).await {
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        self.book.borrow_mut().remove(id);
        self.judge_anew(&rule.scope);
        Ok(RuleView::from(&*rule))
    }

    /// One rule, if the person may see it.
    pub fn rule(&self, by: &Principal, id: &RuleId) -> Result<RuleView, ModuleError> {
        self.visible_rule(by, id).map(|rule| RuleView::from(&*rule))
    }

    /// A page of the rules that the person may see.
    pub fn rules(&self, ListRules { by, module, skip, limit }: ListRules) -> Result<(Vec<RuleView>, u64), ModuleError> {
        let module = module.map(|id| self.visible(&id, &by)).transpose()?;
        let book = self.book.borrow();
        let found: Vec<_> = book
            .all()
            .filter(|rule| match &module {
                Some(entry) => rule.scope.holds(&entry.id, &entry.meta.load().kind),
                None => self.may_see(&by, &rule.scope),
            })
            .collect();
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let page = found.iter().skip(skip).take(limit).map(|rule| RuleView::from(&***rule));
        Ok((page.collect(), found.len() as u64))
    }

    /// Gives the modules of a rule the rules that hold for them now.
    fn judge_anew(self: &Rc<Self>, scope: &RuleScope) {
        let concerned: Vec<ModuleId> = match scope {
            RuleScope::Module(id) => vec![id.clone()],
            RuleScope::Type(_) => {
                let wards = self.wards.borrow();
                let of_type = wards.values().filter(|ward| scope.holds(&ward.entry.id, &ward.entry.meta.load().kind));
                of_type.map(|ward| ward.entry.id.clone()).collect()
            }
        };
        concerned.iter().for_each(|id| self.fit(id));
        self.kick();
    }

    fn visible_rule(&self, by: &Principal, id: &RuleId) -> Result<Arc<AlarmRule>, ModuleError> {
        let rule = self.book.borrow().get(id).cloned();
        rule.filter(|rule| self.may_see(by, &rule.scope)).ok_or(ModuleError::NoSuchRule)
    }

    /// Owners see also what is said of all modules of a type of theirs.
    fn may_see(&self, by: &Principal, scope: &RuleScope) -> bool {
        match scope {
            _ if by.may(Permission::ModulesAll) => true,
            RuleScope::Module(id) => self.visible(id, by).is_ok(),
            RuleScope::Type(_) => {
                self.wards.borrow().values().any(|ward| {
                    ward.entry.is_visible_to(by) && scope.holds(&ward.entry.id, &ward.entry.meta.load().kind)
                })
            }
        }
    }

    /// Owners make rules for what is theirs, and only those who may see all modules do for a type.
    fn check_scope(&self, by: &Principal, scope: &RuleScope) -> Result<(), ModuleError> {
        match scope {
            RuleScope::Module(id) => self.visible(id, by).map(drop),
            RuleScope::Type(_) if by.may(Permission::ModulesAll) => Ok(()),
            RuleScope::Type(_) => Err(ModuleError::AdminsOnly),
        }
    }

    fn check_room(&self, by: &Principal, scope: &RuleScope) -> Result<(), ModuleError> {
        let book = self.book.borrow();
        if book.count(scope) >= self.options.max_rules_each {
            return Err(ModuleError::TooManyRules("the module or the type", self.options.max_rules_each));
        }
        if !by.may(Permission::ModulesAll) && book.count_by(&by.user_id) >= self.options.max_rules_of_person {
            return Err(ModuleError::TooManyRules("what you made", self.options.max_rules_of_person));
        }
        if book.len() >= self.options.max_rules {
            return Err(ModuleError::TooManyRules("the hub", self.options.max_rules));
        }
        Ok(())
    }
}

fn scope_of(new: &NewRule) -> Result<RuleScope, ModuleError> {
    match (&new.module_id, &new.r#type) {
        (Some(id), None) => Ok(RuleScope::Module(id.clone())),
        (None, Some(kind)) => Ok(RuleScope::Type(kind.clone())),
        _ => Err(ModuleError::BadRule("/moduleId".to_owned(), "name one module, or one `type`, and not both")),
    }
}

fn condition_of(words: ConditionWords) -> Result<Condition, ModuleError> {
    let condition = Condition::try_from(words);
    condition.map_err(|fault| ModuleError::BadRule(format!("/condition/{}", fault.field), fault.advice))
}
