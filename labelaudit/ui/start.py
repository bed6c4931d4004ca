"""The script that Streamlit runs: ``streamlit run .../start.py -- tickets.audit``."""

from labelaudit.ui.app import main

main()
