//! What a link does with the settings of a topic, and why.

use crate::contract::{SettingAnswer, SettingLikeness, Treatment};
use crate::control::topics::configs::{Likeness, TopicConfigs, likeness};
use crate::model::{SettingRule, TOPIC_SETTINGS, TopicName, TopicSetting};

use super::state::Selection;

impl Selection {
    /// Every setting of a topic and of its mirror. Where both sides were read, those that neither knows are left out: their
    /// versions of Kafka don't have them.
    pub(super) fn settings(&self, topic: &TopicName, mirror: &TopicName) -> Vec<SettingAnswer> {
        let [source, target] = &self.configs;
        let (source, target) = (source.of(topic), target.of(mirror));
        let is_read = source.is_some() && target.is_some();
        let (source, target) = (source.unwrap_or_default(), target.unwrap_or_default());
        let is_known = |it: &&TopicSetting| {
            let has = |configs: &TopicConfigs| configs.contains_key(it.name);
            !is_read || !it.rule.is_mirrored() || has(&source) || has(&target)
        };
        let known = TOPIC_SETTINGS.iter().filter(is_known);
        known.map(|it| self.setting(it, &source, &target)).collect()
    }

    fn setting(
        &self,
        TopicSetting { name, rule, why }: &TopicSetting,
        source: &TopicConfigs,
        target: &TopicConfigs,
    ) -> SettingAnswer {
        let expression = self.excluded_settings.expression(name);
        let (source, target) = (source.get(*name), target.get(*name));
        let obeyed = expression.is_none().then_some(*rule);
        let found = likeness(
            obeyed,
            source.map(String::as_str),
            target.map(String::as_str),
        );
        SettingAnswer {
            name: (*name).to_owned(),
            treatment: match rule {
                SettingRule::NotMirrored => Treatment::NotMirrored,
                _ if expression.is_some() => Treatment::Excluded,
                SettingRule::Set(_) => Treatment::Set,
                SettingRule::SameList => Treatment::Mirrored,
                SettingRule::AtLeast(_) => Treatment::AtLeast,
            },
            source: source.cloned(),
            mirror: target.cloned(),
            likeness: found.map(|found| match found {
                Likeness::Same => SettingLikeness::Same,
                Likeness::Differs => SettingLikeness::Differs,
                Likeness::Changes => SettingLikeness::Changes,
            }),
            expression: expression.map(str::to_owned),
            why: (*why).to_owned(),
        }
    }
}
