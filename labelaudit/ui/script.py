"""The script that Streamlit runs for each change on a page."""

from labelaudit.ui.app import main

main()
