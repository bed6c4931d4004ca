"""The review UI: Streamlit pages made of widgets. What they show is in ``viewing``, what they do in ``reviewing``."""
