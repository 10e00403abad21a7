"""What the pages say, in Brazilian Portuguese and in English."""

from dataclasses import dataclass
from typing import Final

from app.models.fields import Status


@dataclass(frozen=True, slots=True)
class Texts:
    """All sentences of a page in one language; `headings` and `advice` have one for each status."""

    lang: str
    other_lang: str
    other_name: str
    address: str
    """Where a posting's page in this language stands."""
    welcome: str
    welcome_advice: str
    unknown: str
    unknown_advice: str
    mistyped: str
    mistyped_advice: str
    busy: str
    busy_advice: str
    again: str
    label: str
    another: str
    search: str
    history: str
    estimated: str
    destination: str
    stalled: str
    zone: str
    documentation: str
    day: str
    moment: str
    headings: dict[Status, str]
    advice: dict[Status, str]


PORTUGUESE: Final = Texts(
    lang="pt-BR",
    other_lang="en",
    other_name="English",
    address="/rastreio/",
    welcome="Onde está a sua encomenda?",
    welcome_advice="Digite ou cole o código de rastreio. Espaços e letras minúsculas não atrapalham.",
    unknown="Encomenda não encontrada",
    unknown_advice="O código está bem escrito, mas ainda não o conhecemos. Se a compra é recente, tente de novo mais tarde.",
    mistyped="Confira o código",
    mistyped_advice="Há um erro de digitação: um código tem duas letras, nove números e mais duas letras.",
    busy="Não conseguimos responder agora",
    busy_advice="A sua encomenda não foi afetada. Tente de novo em alguns segundos.",
    again="Tentar de novo",
    label="Código de rastreio",
    another="Outro código de rastreio",
    search="Rastrear",
    history="Histórico",
    estimated="Entrega prevista",
    destination="Destino",
    stalled="Sem movimento há {} dias.",
    zone="Horários de Brasília.",
    documentation="Documentação da API",
    day="%d/%m/%Y",
    moment="%d/%m/%Y, %H:%M",
    headings={
        "pending": "Aguardando envio",
        "shipped": "A caminho",
        "delivered": "Entregue",
        "returned": "Devolvida ao remetente",
        "cancelled": "Cancelada",
    },
    advice={
        "pending": "O remetente está preparando a encomenda. Não é preciso fazer nada agora.",
        "shipped": "A encomenda está em trânsito. Cuide para que alguém possa recebê-la.",
        "delivered": "Se você não a recebeu, pergunte aos vizinhos ou na portaria e depois fale com o remetente.",
        "returned": "Fale com o remetente para combinar um novo envio ou o reembolso.",
        "cancelled": "Este envio não será feito. Fale com o remetente se isso for uma surpresa.",
    },
)

ENGLISH: Final = Texts(
    lang="en",
    other_lang="pt-BR",
    other_name="Português",
    address="/track/",
    welcome="Where is your parcel?",
    welcome_advice="Type or paste the tracking code. Spaces and small letters are fine.",
    unknown="Parcel not found",
    unknown_advice="The code is well-formed, but we do not know it yet. If you ordered just now, try again later.",
    mistyped="Check the code",
    mistyped_advice="There is a typing error: a code has two letters, nine digits and two more letters.",
    busy="We cannot answer right now",
    busy_advice="Your parcel is not affected. Try again in a few seconds.",
    again="Try again",
    label="Tracking code",
    another="Another tracking code",
    search="Track",
    history="History",
    estimated="Estimated delivery",
    destination="Destination",
    stalled="Not moved for {} days.",
    zone="Times are those of Brasília, Brazil (UTC\N{NON-BREAKING HYPHEN}3).",
    documentation="API documentation",
    day="%d %b %Y",
    moment="%d %b %Y, %H:%M",
    headings={
        "pending": "Waiting to be shipped",
        "shipped": "On its way",
        "delivered": "Delivered",
        "returned": "Returned to the sender",
        "cancelled": "Cancelled",
    },
    advice={
        "pending": "The sender is preparing the parcel. There is nothing to do for now.",
        "shipped": "The parcel is in transit. See that somebody can receive it.",
        "delivered": "If you have not got it, ask your neighbours or the front desk, then the sender.",
        "returned": "Ask the sender for another shipment or a refund.",
        "cancelled": "This shipment will not take place. Ask the sender if that surprises you.",
    },
)


def preferred_texts(accept_language: str) -> Texts:
    """The first language of the header that there is; Portuguese where there is none (only the order counts, not the weights)."""
    for item in accept_language.lower().split(","):
        for texts in (PORTUGUESE, ENGLISH):
            if item.strip().startswith(texts.lang[:2]):
                return texts
    return PORTUGUESE
