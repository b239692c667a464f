//! What a workspace writes of its own accord: its settings file, and what keeps git from the store.

use std::path::PathBuf;

use super::found::pyproject_marks;
use super::{OWN_FOLDER, PYPROJECT_FILE, SETTINGS_FILE, STORE_PATH, Surroundings, Workspace};
use crate::config::{Config, Key, SettingsAt, with_in_list};
use crate::disk;
use crate::error::{Error, Result};

impl Workspace {
    /// Keeps git from offering recell's own folder for a commit. Says whether that was needed.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn hide_own_folder(&self) -> Result<bool> {
        let folder = self.store.parent().filter(|folder| folder.ends_with(OWN_FOLDER));
        let Some(folder) = folder else { return Ok(false) };
        let path = folder.join(".gitignore");
        if disk::is_there(&path) {
            return Ok(false);
        }
        disk::replace(&path, b"*\n")?;
        Ok(true)
    }

    /// Writes the settings file with all defaults, if nothing holds settings yet; returns its
    /// path if so. A store that a flag named is named in it.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn write_settings(&self, surroundings: &Surroundings) -> Result<Option<PathBuf>> {
        let path = self.base.join(SETTINGS_FILE);
        let pyproject = self.base.join(PYPROJECT_FILE);
        if disk::is_there(&path) || pyproject_marks(&pyproject)? {
            return Ok(None);
        }
        let mut text = Config::default_file();
        if surroundings.store.is_some() {
            let value = |path: String| format!("path = {}", toml::Value::from(path));
            let default = Key::named(STORE_PATH).map(Key::default).unwrap_or_default();
            let named = value(self.store.to_string_lossy().into_owned());
            text = text.replacen(&format!("#path = {default}"), &named, 1);
        }
        disk::create_folders(&self.base)?;
        disk::replace(&path, text.as_bytes())?;
        Ok(Some(path))
    }

    /// Returns the file that holds the settings of the workspace, or would, and where in it the
    /// sections are.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::NoStore`] if there is no workspace.
    pub(crate) fn settings_to_write(&self) -> Result<(PathBuf, SettingsAt)> {
        let Some(folder) = &self.settings_folder else { return Err(self.missing()) };
        let (own, pyproject) = (folder.join(SETTINGS_FILE), folder.join(PYPROJECT_FILE));
        if !disk::is_there(&own) && pyproject_marks(&pyproject)? {
            return Ok((pyproject, SettingsAt::ToolRecell));
        }
        Ok((own, SettingsAt::Top))
    }

    /// Adds `value` to the list that is the setting `key`, in the file that holds the settings.
    /// Returns the file; `None` if the list has the value already.
    ///
    /// `before` is what the list is if the file does not have it.
    ///
    /// # Errors
    /// Those of [`Workspace::settings_to_write`], [`Error::SettingNotChanged`] if the setting is no
    /// list in the file, [`Error::Disk`].
    pub(crate) fn add_to_list(
        &self,
        key: &'static str,
        before: &[String],
        value: &str,
    ) -> Result<Option<PathBuf>> {
        let (path, at) = self.settings_to_write()?;
        let refused = || Error::SettingNotChanged { path: path.clone(), name: key };
        let bytes = disk::read_if_there(&path)?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|_| refused())?;
        let changed = with_in_list(&text, at, key, before, value).ok_or_else(refused)?;
        if changed == text {
            return Ok(None);
        }
        disk::replace(&path, changed.as_bytes())?;
        Ok(Some(path))
    }
}
