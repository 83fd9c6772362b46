"""Plans written into the texts of manifests, for `render` and for `lint --fix`. No file is written here."""
