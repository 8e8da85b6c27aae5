"""From archives to files that are whole: plan, fetch, check, land."""

from errorbar.platform.ingest.cache import Cache, Landed
from errorbar.platform.ingest.fetch import Fetched, Patience, fetch_products
from errorbar.platform.ingest.products import Product
from errorbar.platform.ingest.transport import HttpTransport, Transport

__all__ = [
    "Cache",
    "Fetched",
    "HttpTransport",
    "Landed",
    "Patience",
    "Product",
    "Transport",
    "fetch_products",
]
