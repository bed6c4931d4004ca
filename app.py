"""Entry point of the review UI: ``streamlit run app.py -- tickets.audit``."""

from labelaudit.ui.app import main

main()
