"""Every artefact and its step: report, model card, gallery, maps, screenshots."""
