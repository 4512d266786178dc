"""What the page says about itself."""

from webapp.service import Service


def about_markdown(service: Service) -> str:
    """Both networks' facts and how to use the API."""
    return "About"
