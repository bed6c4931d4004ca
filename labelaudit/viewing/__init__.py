"""What people are shown of an audit, as plain values: cards, thumbnails, a map. No page and no database.

Everything here is made of text, numbers and re-encoded images; nothing of it is markup.
"""

from __future__ import annotations

from labelaudit.viewing.contents import Contents, open_contents
from labelaudit.viewing.planes import PROJECTIONS, plane, scattered
from labelaudit.viewing.viewer import Viewer

__all__ = ["PROJECTIONS", "Contents", "Viewer", "open_contents", "plane", "scattered"]
