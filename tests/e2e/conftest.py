from tests.integration.operators.console.conftest import chromium, page

__all__ = ["chromium", "page"]
