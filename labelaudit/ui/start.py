"""What Streamlit serves: ``streamlit run .../start.py -- tickets.audit``."""

from streamlit.starlette import App

from labelaudit.ui.serving import SCRIPT, open_browser, routes

app = App(SCRIPT, routes=routes(), lifespan=open_browser)
