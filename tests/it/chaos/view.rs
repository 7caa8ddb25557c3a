//! The modules as a client knows them: a snapshot, and every event since.

use std::collections::BTreeMap;

use serde_json::Value;

/// Modules by their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View(BTreeMap<String, Module>);

/// What is known of a module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Module {
    name: String,
    kind: String,
    is_online: bool,
    telemetry: Value,
}

impl Module {
    /// From a module as the API shows it.
    pub fn of(module: &Value) -> Self {
        Self {
            name: text(&module["name"]),
            kind: text(&module["type"]),
            is_online: module["status"] == "online",
            telemetry: module["telemetry"].clone(),
        }
    }
}

impl View {
    /// Takes in the state behind a topic.
    pub fn put(&mut self, data: &Value) {
        let many = data["modules"].as_array().into_iter().flatten();
        for module in many.chain(data.get("module")) {
            self.0.insert(text(&module["moduleId"]), Module::of(module));
        }
    }

    /// Takes in an event.
    pub fn apply(&mut self, name: &str, data: &Value) {
        let id = text(&data["moduleId"]);
        match name {
            "rt_module_removed" => drop(self.0.remove(&id)),
            "rt_module_added" => self.describe(id, data),
            "rt_module_updated" if self.0.contains_key(&id) => self.describe(id, data),
            _ => {}
        }
        let id = text(&data["moduleId"]);
        let Some(module) = self.0.get_mut(&id) else { return };
        match name {
            "rt_module_online" => module.is_online = true,
            "rt_module_offline" => module.is_online = false,
            "rt_telemetry_updated" => module.telemetry = data["telemetry"].clone(),
            _ => {}
        }
    }

    fn describe(&mut self, id: String, data: &Value) {
        let new = Module { telemetry: Value::Object(serde_json::Map::new()), ..Module::default() };
        let module = self.0.entry(id).or_insert(new);
        (module.name, module.kind) = (text(&data["name"]), text(&data["type"]));
    }

    /// The ids of the modules.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// One module.
    pub fn get(&self, id: &str) -> Option<&Module> {
        self.0.get(id)
    }

    /// Adds a module.
    pub fn insert(&mut self, id: String, module: Module) {
        self.0.insert(id, module);
    }

    /// Where this differs from what is true.
    pub fn differs_from(&self, truth: &Self) -> Vec<String> {
        let ids: std::collections::BTreeSet<_> = self.ids().chain(truth.ids()).collect();
        let wrong = ids.into_iter().filter(|id| self.get(id) != truth.get(id));
        wrong.map(|id| format!("`{id}` is {:?} and not {:?}", truth.get(id), self.get(id))).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
