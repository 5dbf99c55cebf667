from tests.app.example import MeansLab, SumsLab
from tpapp.shell import serve

serve([MeansLab, SumsLab])
